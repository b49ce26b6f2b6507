"""What the pods of a policy may reach and be reached by, and by which rule, under all policies of their cluster.

```python
for reach in reach_of(context, spec):              # one for each known workload of the subject, else one stand-in
    answer = reach.verdict(EGRESS, identity_of(context, workload), "UDP", 53)
    answer.allowed, answer.rules                   # the rules that decide, with policy, file and line
    answer.certain                                 # False: a policy that may select them could turn it
    reach.rules(EGRESS)                            # every rule that selects the pods
    reach.unread                                   # policies that may select them and could not be read, in words
```

All CiliumNetworkPolicies, CiliumClusterwideNetworkPolicies and NetworkPolicies of the cluster count, and where its
agents read them ClusterNetworkPolicies, as everything that applies them leaves them, on the target release, with the
context's own policy as it is now. In the mode `never` and in audit mode the answers are those of a cluster that
enforces policies: what they say is meant for that. What was not read is not absent: a pass that concludes from what no
rule does looks at `possible` and `unread` as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field, replace
from typing import NamedTuple

from rewriter.cilium.identity import Identity
from rewriter.cilium.labels import (
    ANY,
    CLUSTER_LABEL,
    K8S,
    NAMESPACE_LABEL,
    NAMESPACE_LABELS_PREFIX,
    NAMESPACE_NAME_KEY,
    Label,
    LabelSet,
)
from rewriter.cilium.policy import EGRESS, Spec
from rewriter.cilium.settings import Settings
from rewriter.cilium.terms import LabelTerm
from rewriter.evidence.context import Context
from rewriter.evidence.judge import Judge
from rewriter.evidence.placeholders import has_placeholder
from rewriter.evidence.policies import AppliedRule, Pods, is_same_policy, own_rules, policies_of, selects
from rewriter.evidence.settings import DEFAULT_NAME, settings_of, workload_identity
from rewriter.evidence.workloads import subject_term, workloads_of
from rewriter.inventory.facts.model import UnreadPolicy, Workload
from rewriter.records import dataclass
from rewriter.text import policy_text


class Answer(NamedTuple):
    """Whether a flow passes in one direction, why (see `rewriter.cilium.verdict`), and the rules that decide it.

    `depends_on` names what else must hold: L7 rules of an allowed flow, or names that may stand for the peer. `certain`
    is False where a policy that may select the pods, or one that could not be read, would turn the answer.
    """

    allowed: bool
    reason: str
    rules: tuple[AppliedRule, ...]
    depends_on: tuple[str, ...]
    certain: bool

    @property
    def rules_if_allowed(self) -> tuple[AppliedRule, ...]:
        """The rules that allow the flow; none where it is denied, or allowed by no rule."""
        return self.rules if self.allowed else ()


@dataclass(frozen=True, slots=True)
class Judged:
    """What is remembered of pods under the same rules: the rules of each direction, judges of peers and their answers.

    `own` is the rule that is most the pods' own, by direction: see `Reach.most_own`.
    """

    rules: dict[str, tuple[AppliedRule, ...]] = field(default_factory=dict)
    own: dict[str, AppliedRule | None] = field(default_factory=dict)
    judges: dict[Identity, Judge] = field(default_factory=dict)
    answers: dict[tuple[str, Identity, str, int], Answer] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reach:
    """The policies of one set of pods. `workload` is None where they stand for a selector, and no workload is known.

    `selecting` are the rules that select the pods for certain, `possible` those that may, `hidden` the policies that
    may land in their namespace and could not be read. `tiers` are the rules of ClusterNetworkPolicies that select them.
    """

    identity: Identity
    workload: Workload | None
    selecting: tuple[AppliedRule, ...]
    possible: tuple[AppliedRule, ...]
    hidden: tuple[UnreadPolicy, ...]
    settings: Settings
    tiers: tuple[AppliedRule, ...] = ()
    judged: Judged = field(default_factory=Judged, compare=False, repr=False)

    @property
    def unread(self) -> tuple[str, ...]:
        """The policies that may select the pods and could not be read, in words with their source."""
        return tuple(str(unread) for unread in self.hidden)

    def rules(self, direction: str) -> tuple[AppliedRule, ...]:
        """The rules of a direction that select the pods for certain."""
        rules = self.judged.rules
        if direction not in rules:
            rules[direction] = tuple(rule for rule in self.selecting if rule.entry.direction == direction)
        return rules[direction]

    def most_own(self, direction: str) -> AppliedRule | None:
        """Of the rules that put the pods into default deny, the one that is most their own; None where there is none.

        That is one of a policy that is not clusterwide, has allow rules and the narrowest subject, in this order.
        """
        own = self.judged.own
        if direction not in own:
            own[direction] = _most_own(self.rules(direction))
        return own[direction]

    def denied_by_default(self, direction: str) -> bool:
        """Whether the pods are in default deny for certain in a direction: by a policy, or as every pod is."""
        shut = self.settings.denies_everybody and bool(LabelSet(self.identity.labels).values(K8S, NAMESPACE_LABEL))
        return shut or any(rule.entry.default_deny for rule in self.rules(direction))

    def may_be_let_out(self, peer: Identity, protocol: str, port: int) -> bool:
        """Whether an allow rule with unknown values may let the pods reach a peer."""
        return any(
            rule.entry.direction == EGRESS and _may_turn(rule, False, peer) and _may_grant(rule, protocol, port)
            for rule in (*self.selecting, *self.possible)
        )

    def verdict(self, direction: str, peer: Identity, protocol: str, port: int) -> Answer:
        """What the policies say of the flows between the pods and a peer.

        The peer is where egress goes to, or where ingress comes from. `port` is the destination port or the ICMP type.
        """
        asked = (direction, peer, protocol, port)
        answers = self.judged.answers
        if asked not in answers:
            answers[asked] = self._answer(direction, peer, protocol, port)
        return answers[asked]

    def _answer(self, direction: str, peer: Identity, protocol: str, port: int) -> Answer:
        every = (*self.selecting, *self.tiers)
        judge = self.judged.judges.get(peer)
        if judge is None:
            judge = self.judged.judges[peer] = Judge(every, self.settings, self.identity, peer)
        found = judge.verdict(direction, protocol, port)
        decisive = tuple(every[rule.policy] for rule in found.rules)
        certain = (
            not self.hidden
            and not any(_may_turn(rule, found.allowed, peer) for rule in (*self.rules(direction), *self.possible))
            and judge.turned_by(self.possible, direction, protocol, port) is None
        )
        certain = certain and not any(rule.filled for rule in self.possible if rule.rule is None)
        certain = certain and not (decisive and found.allowed and all(rule.filled for rule in decisive))
        return Answer(found.allowed, found.reason, decisive, found.depends_on, certain)


def _most_own(rules: Sequence[AppliedRule]) -> AppliedRule | None:
    allowing = {id(r.policy) for r in rules if not r.entry.deny and r.entry.peers and r.entry.ports}

    def rank(rule: AppliedRule) -> tuple[object, ...]:
        narrow = -len(rule.entry.subject.conditions)
        where = (policy_text(rule.policy), rule.entry.route)
        return rule.policy.clusterwide, id(rule.policy) not in allowing, narrow, where

    denying = [rule for rule in rules if rule.entry.default_deny and not rule.entry.subject_is_node]
    return min(denying, key=rank, default=None)


def reach_of(context: Context, spec: Spec) -> tuple[Reach, ...]:
    """What the pods that a rule set of the context's policy selects may reach, one answer for each known workload.

    Where none is known, one for pods that have the labels that the selector names and perhaps others. Empty where the
    rule set selects nodes, or a fact that decides whom it selects is not known. Judged once for each rule set of a
    policy.
    """
    if all(other is not spec for other in context.policy.specs):
        return _reach_of(context, spec)
    key = ("reach", spec.route, context.to_version, context.cluster.name if context.cluster else None)
    if key not in context.policy.answers:
        context.policy.answers[key] = _reach_of(context, spec)
    found: tuple[Reach, ...] = context.policy.answers[key]
    return found


def _reach_of(context: Context, spec: Spec) -> tuple[Reach, ...]:
    term = subject_term(context.policy, spec)
    found = None if term is None else _workloads_of(context, term)
    if term is None or found is None:
        return ()
    if not found:
        return (_of_pods(context, *_stand_in(context, term), None),)
    alike: dict[tuple[object, ...], Reach] = {}
    return tuple(_shared(context, workload, alike) for workload in found)


def _shared(context: Context, workload: Workload, alike: dict[tuple[object, ...], Reach]) -> Reach:
    """What a workload's pods may reach. Pods that differ by their workload's name alone are judged once."""
    identity, pods = _pods_of(context, workload)
    key = (identity._replace(name=""), *pods[1:])
    if key in alike:
        return replace(alike[key], identity=identity, workload=workload)
    return alike.setdefault(key, _of_pods(context, identity, pods, workload))


def workloads_of_spec(context: Context, spec: Spec) -> Sequence[Workload]:
    """The known workloads that a rule set of the context's policy selects: those of `reach_of`."""
    term = subject_term(context.policy, spec)
    return () if term is None else _workloads_of(context, term) or ()


def _workloads_of(context: Context, term: LabelTerm) -> Sequence[Workload] | None:
    """The workloads of the policy's cluster that a term selects; None where a fact that decides it is not known."""
    workloads = workloads_of(context, term)
    own = context.cluster.name if context.cluster else None
    return (
        None
        if workloads is None
        else [workload for workload in workloads if own is None or workload.cluster in (None, own)]
    )


def reach_of_workload(context: Context, workload: Workload) -> Reach:
    """What the pods of a workload may reach, and be reached by."""
    identity, pods = _pods_of(context, workload)
    return _of_pods(context, identity, pods, workload)


def reach_of_reserved(context: Context, identity: Identity) -> Reach:
    """What an endpoint with a reserved identity (Cilium's Gateway) may reach, and be reached by."""
    pods = Pods(LabelSet(identity.labels), "", complete=True, namespace_labels=True)
    return _of_pods(context, identity, pods, None)


def identity_of(context: Context, workload: Workload) -> Identity:
    """The identity of a workload's pods, as peer of a verdict; the context's cluster is that of one without."""
    return _pods_of(context, workload)[0]


def _pods_of(context: Context, workload: Workload) -> tuple[Identity, Pods]:
    """The identity of a workload's pods, and what is known of them. Made once a cluster and run."""
    local = context.cluster.name if context.cluster else DEFAULT_NAME
    key = ("pods", local, *workload_key(workload))
    if key not in context.answers:
        identity = workload_identity(workload, context.inventory, local)
        namespaces = context.inventory.namespaces(workload.namespace)
        labels = LabelSet(identity.labels)
        pods = Pods(labels, workload.namespace, complete=True, namespace_labels=bool(namespaces))
        context.answers[key] = identity, pods
    made: tuple[Identity, Pods] = context.answers[key]
    return made


def workload_key(workload: Workload) -> tuple[object, ...]:
    """The key that identifies a workload in a run, to remember answers by."""
    labels = frozenset(workload.labels.items())
    return workload.kind, workload.namespace, workload.name, workload.cluster, workload.source, labels


def _stand_in(context: Context, term: LabelTerm) -> tuple[Identity, Pods]:
    """Pods that have the labels that a term demands with one value each; their other labels are not known."""
    fixed = (c for c in term.conditions if c.operator == "In" and len(c.values) == 1 and c.source in (ANY, K8S))
    demanded = {condition.key: condition.values[0] for condition in fixed}
    demanded.setdefault(CLUSTER_LABEL, context.cluster.name if context.cluster else DEFAULT_NAME)
    namespace = demanded.get(NAMESPACE_LABEL)
    if namespace is not None:
        demanded[NAMESPACE_NAME_KEY] = namespace
    known = context.inventory.namespaces(namespace) if namespace is not None else ()
    for known_namespace in known:
        demanded |= {NAMESPACE_LABELS_PREFIX + key: value for key, value in known_namespace.labels.items()}
    labels = frozenset(Label(K8S, key, value) for key, value in demanded.items())
    pods = Pods(LabelSet(labels), namespace, complete=False, namespace_labels=bool(known))
    return Identity("pods of the selector", labels), pods


def _of_pods(context: Context, identity: Identity, pods: Pods, workload: Workload | None) -> Reach:
    policies, policy = policies_of(context), context.policy
    others = (
        entry for entry in _selecting(context, identity, pods, workload) if not is_same_policy(entry[0].policy, policy)
    )
    found = [*_matched(own_rules(context), pods), *others]
    selecting = [rule for rule, selected in found if selected]
    of_tiers = list(policies.tiers_selecting(pods))
    possible = [rule for rule, selected in (*found, *of_tiers) if not selected]
    tiers = tuple(rule for rule, selected in of_tiers if selected)
    settings = settings_of(context.cluster, context.to_version).as_enforced
    hidden = policies.unread(pods.namespace)
    return Reach(identity, workload, tuple(selecting), tuple(possible), hidden, settings, tiers)


def _selecting(
    context: Context, identity: Identity, pods: Pods, workload: Workload | None
) -> list[tuple[AppliedRule, bool]]:
    """The rules of the tree that select pods, or (False) may. Remembered."""
    whose = workload_key(workload) if workload is not None else (frozenset(identity.labels), *pods[1:])
    key = ("selecting", context.cluster and context.cluster.name, context.to_version, *whose)
    if key not in context.answers:
        context.answers[key] = list(policies_of(context).selecting(pods))
    made: list[tuple[AppliedRule, bool]] = context.answers[key]
    return made


def _matched(rules: Iterable[AppliedRule], pods: Pods) -> Iterator[tuple[AppliedRule, bool]]:
    for rule in rules:
        selected = selects(rule, pods)
        if selected is not False:
            yield rule, bool(selected)


#: Peer fields that never hold a pod.
_OUTSIDE = ("toFQDNs", "toCIDR", "toCIDRSet", "fromCIDR", "fromCIDRSet")


def _may_grant(rule: AppliedRule, protocol: str, port: int) -> bool:
    """Whether a rule with unknown values may be for a port."""
    if rule.rule is not None and has_placeholder(rule.rule.raw.get("toPorts") or rule.rule.raw.get("ports")):
        return True
    return any(grant.match.name or grant.match.covers(protocol, port, ()) for grant in rule.entry.ports)


def _may_turn(rule: AppliedRule, allowed: bool, peer: Identity) -> bool:
    """Whether a rule with unknown values may turn an answer for a peer."""
    if not rule.filled or rule.rule is None or rule.entry.deny is not allowed:
        return False
    rest = {name: value for name, value in rule.rule.raw.items() if name not in _OUTSIDE}
    is_pod = any(label.source == K8S for label in peer.labels)
    return not is_pod or has_placeholder(rest)
