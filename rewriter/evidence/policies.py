"""All policies of one cluster, compiled: which rules select a pod, and from which files they come."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from rewriter.cilium.compile import Entry, compile_policy
from rewriter.cilium.labels import (
    ANY,
    CLUSTER_LABEL,
    K8S,
    NAMESPACE_LABEL,
    NAMESPACE_LABELS_PREFIX,
    LabelSet,
)
from rewriter.cilium.policy import CCNP, RULES, Policy, Rule, read_policy
from rewriter.cilium.rule_validation import ACCEPTED, AcceptedRules
from rewriter.cilium.services import service_matches
from rewriter.cilium.settings import Facts, ServiceView, Settings
from rewriter.cilium.terms import Condition
from rewriter.cilium.tiers import KIND as TIER
from rewriter.cilium.tiers import cluster_network_policies, is_cluster_network_policy, tier_rules
from rewriter.cilium.validation import Rejection, rejection
from rewriter.evidence.by_namespace import ByNamespace
from rewriter.evidence.context import Context
from rewriter.evidence.placeholders import has_placeholder
from rewriter.evidence.policy_outline import outline_of
from rewriter.evidence.resting import DENIES_EGRESS, EVERYTHING, ask, home, naming, trait
from rewriter.evidence.settings import facts_of, settings_of
from rewriter.evidence.unknown_values import SUBJECTS, known_in_part, with_examples, written_at
from rewriter.inventory.facts.model import AppliedPolicy, Source, UnreadPolicy
from rewriter.inventory.questions.inventory import Inventory
from rewriter.records import dataclass
from rewriter.text import policy_text


@dataclass(frozen=True, slots=True, eq=False)
class AppliedRule:
    """A rule of an accepted policy as a cluster gets it, compiled.

    `source` is the place of its policy. `rule` is None for the default deny of a NetworkPolicy that no rule makes, and
    for rules of ClusterNetworkPolicies.
    `sure` is False where the cluster may get another text than this one, `anywhere` True where it is unknown in which
    namespace the policy lands. `filled` says that examples stand in peers or ports for unknown values. `may_be` is what
    labels and the namespace of its subjects may be, by source and key, where they are known in part.
    """

    policy: Policy
    source: Source
    entry: Entry
    rule: Rule | None
    sure: bool = True
    anywhere: bool = False
    filled: bool = False
    may_be: tuple[tuple[str, str, re.Pattern[str]], ...] = ()

    @property
    def place(self) -> str:
        """The route of the rule in its policy, which may itself stand in a List."""
        return self.entry.route.removeprefix(self.policy.route)

    def __str__(self) -> str:
        return f"{policy_text(self.policy)}, {self.source}"


class Pods(NamedTuple):
    """What is known of pods that policies may select.

    `labels` are those of their identity. `complete` says that they have no others, `namespace_labels` that those of
    their namespace are among them. `namespace` is None where it may be any.
    """

    labels: LabelSet
    namespace: str | None
    complete: bool
    namespace_labels: bool


class ClusterPolicies:
    """The rules of every accepted policy of one cluster, on one release, by the namespace of their subjects."""

    def __init__(
        self, rules: ByNamespace[AppliedRule], unread: Sequence[UnreadPolicy], tiers: Sequence[AppliedRule] = ()
    ) -> None:
        self._rules = rules
        self._unread = unread
        self._tiers = tiers
        self._by_label: dict[str | None, _ByLabel] = {}

    def selecting(self, pods: Pods) -> Iterator[tuple[AppliedRule, bool]]:
        """The rules that select pods for certain (True), and those that may."""
        ask(EVERYTHING if pods.namespace is None else home(pods.namespace))
        for namespace in self._rules.namespaces() if pods.namespace is None else (None, pods.namespace):
            if namespace not in self._by_label:
                self._by_label[namespace] = _ByLabel(self._rules.of(namespace))
            for rule in self._by_label[namespace].candidates(pods):
                selected = selects(rule, pods)
                if selected is not False:
                    yield rule, bool(selected)

    def tiers_selecting(self, pods: Pods) -> Iterator[tuple[AppliedRule, bool]]:
        """As `selecting`, the rules of ClusterNetworkPolicies that the agents of the cluster read."""
        for rule in self._tiers:
            selected = selects(rule, pods)
            if selected is not False:
                yield rule, bool(selected)

    def within(self, namespace: str | None) -> Iterator[AppliedRule]:
        """The rules whose subjects may be in a namespace (None: in any)."""
        ask(EVERYTHING if namespace is None else home(namespace))
        if namespace is None:
            yield from self._rules.every()
            return
        yield from self._rules.of(None)
        yield from self._rules.of(namespace)

    def naming(self, namespace: str) -> Sequence[AppliedRule]:
        """The rules that may name pods of a namespace as their peers, and others."""
        ask(naming(namespace))
        return self._rules.naming(namespace)

    def unread(self, namespace: str | None) -> tuple[UnreadPolicy, ...]:
        """The policies that may land in a namespace (None: in any) and could not be read."""
        return tuple(
            unread for unread in self._unread if None in (namespace, unread.namespace) or unread.namespace == namespace
        )


class _ByLabel:
    """Rules by a label that their subjects must have, so that those of other pods need no look."""

    def __init__(self, rules: Sequence[AppliedRule]) -> None:
        self._rules = rules
        self._others: list[int] = []
        self._places: dict[tuple[str, str], dict[str, list[int]]] = {}
        self._conditions: dict[tuple[str, str], Condition] = {}
        for place, rule in enumerate(rules):
            condition = _own_label(rule)
            if condition is None:
                self._others.append(place)
                continue
            key = (condition.source, condition.key)
            self._conditions.setdefault(key, condition)
            for value in condition.values:
                self._places.setdefault(key, {}).setdefault(value, []).append(place)

    def candidates(self, pods: Pods) -> Iterator[AppliedRule]:
        """The rules, in their order, but those that demand a label which the pods do not have."""
        places = set(self._others)
        for key, by_value in self._places.items():
            found = pods.labels.values(*key)
            if found:
                for value in found:
                    places.update(by_value.get(value, ()))
            elif not _known_to_lack(self._conditions[key], pods):
                places.update(*by_value.values())
        return (self._rules[place] for place in sorted(places))


def _own_label(rule: AppliedRule) -> Condition | None:
    """A condition of a rule's subject that demands a value of a label; None where there is none."""
    return next(
        (
            condition
            for condition in rule.entry.subject.conditions
            if condition.operator == "In" and condition.key != NAMESPACE_LABEL
        ),
        None,
    )


def policies_of(context: Context) -> ClusterPolicies:
    """The policies of the cluster that the context's policy is applied to, on the target release.

    One whose clusters are unknown counts for every one. Made once a cluster and run.
    """
    cluster = context.cluster.name if context.cluster else None
    key = ("policies", cluster, context.to_version)
    if key not in context.answers:
        inventory = context.inventory
        every = [policy for policy in inventory.policies if cluster is None or policy.cluster in (None, cluster)]
        settings = settings_of(context.cluster, context.to_version)
        outlined = [(policy, outline_of(policy.manifest)) for policy in every]
        closely = [policy for policy, outline in outlined if outline.home is None]
        tiers = [rule for policy in closely for rule in _applied_tiers(policy, settings)]
        outlined = [
            (policy, outline)
            for policy, outline in outlined
            if outline.home is not None or not is_cluster_network_policy(policy.manifest)
        ]
        facts = _facts([policy for policy, outline in outlined if outline.points], inventory)
        rules = ByNamespace(
            [outline for _, outline in outlined],
            lambda place: tuple(_applied_rules(outlined[place][0], settings, facts)),
            _namespace_of,
        )
        unread = [*unread_policies(inventory, tiers=settings.cluster_network_policies)]
        closely = [policy for policy in closely if not is_cluster_network_policy(policy.manifest)]
        unread += [policy for other in closely for policy in _unknown_in_shape(other, settings)]
        context.answers[key] = ClusterPolicies(rules, unread, tiers)
    made: ClusterPolicies = context.answers[key]
    return made


def has_clusterwide_beside(context: Context) -> bool:
    """Whether there are clusterwide policies beside the context's own one, which is none of them."""
    key = ("clusterwide policies",)
    if key not in context.answers:
        context.answers[key] = any(applied.manifest.get("kind") == CCNP for applied in context.inventory.policies)
    return context.policy.kind != CCNP and bool(context.answers[key])


def may_deny_egress(context: Context) -> bool:
    """Whether the context's policy, or any policy that is known, has a deny rule for egress, whomever it selects.

    Looked up in the manifests: where there is none, as in most repositories, no policy need be compiled to know it.
    """
    ask(trait(DENIES_EGRESS))
    key = ("denies egress",)
    if key not in context.answers:
        context.answers[key] = any(_denies_egress(applied.manifest) for applied in context.inventory.policies)
    return bool(context.answers[key]) or _denies_egress(context.policy.raw)


def _denies_egress(manifest: Mapping[str, Any]) -> bool:
    specs = manifest.get("specs")
    every = [manifest.get("spec"), *(specs if isinstance(specs, list) else ())]
    return any(isinstance(spec, dict) and bool(spec.get("egressDeny")) for spec in every)


def unread_policies(inventory: Inventory, *, tiers: bool) -> list[UnreadPolicy]:
    """The policies that could not be read; ClusterNetworkPolicies among them only where agents read these."""
    return [unread for unread in inventory.unread_policies if tiers or unread.kind != TIER]


def own_rules(context: Context) -> list[AppliedRule]:
    """The rules of the context's own policy as it is now, which may be after a fix."""
    policy = context.policy
    key = ("own rules", context.cluster.name if context.cluster else None, context.to_version, context.path)
    if key not in policy.answers:
        policy.answers[key] = _own_rules(context, policy)
    made: list[AppliedRule] = policy.answers[key]
    return made


def _own_rules(context: Context, policy: Policy) -> list[AppliedRule]:
    settings = settings_of(context.cluster, context.to_version)
    facts = _facts([AppliedPolicy(policy.raw, None, Source(context.path))], context.inventory)
    anywhere = not (context.namespace_known or policy.kind == CCNP)
    return list(_compiled(policy, Source(context.path), settings, facts, anywhere=anywhere))


def is_same_policy(one: Policy, other: Policy) -> bool:
    """Whether two manifests are one policy of a cluster: the same kind, namespace and name."""
    return (one.kind, one.namespace, one.name) == (other.kind, other.namespace, other.name)


def is_first_of(policy: Policy, rules: Iterable[AppliedRule]) -> bool:
    """Whether a policy is the first, by its file and its name, of those that the rules are of.

    A finding that several policies cause together is reported at that one.
    """
    first = min(rules, key=lambda rule: (rule.source.path, rule.policy.name), default=None)
    return first is not None and is_same_policy(first.policy, policy)


def selects(rule: AppliedRule, pods: Pods) -> bool | None:
    """Whether a rule selects pods; None where it may, and what is known of both does not decide it."""
    if rule.entry.subject_is_node:
        return False
    if not all(_may_have(pods, *possible) for possible in rule.may_be):
        return False
    undecided = not rule.sure or rule.anywhere
    for condition in rule.entry.subject.conditions:
        if rule.anywhere and condition.key == NAMESPACE_LABEL:
            continue
        held = _holds(condition, pods)
        if held is False:
            return False
        undecided = undecided or held is None
    return None if undecided else True


def _may_have(pods: Pods, source: str, key: str, value: re.Pattern[str]) -> bool:
    """Whether pods may have a label with such a value, or be in such a namespace."""
    if key == NAMESPACE_LABEL:
        return pods.namespace is None or value.fullmatch(pods.namespace) is not None
    found = pods.labels.values(source, key)
    return any(map(value.fullmatch, found)) if found else not pods.complete


def _applied_rules(applied: AppliedPolicy, settings: Settings, facts: Facts) -> Iterator[AppliedRule]:
    policy = read_policy(applied.manifest, known=RULES)
    anywhere = policy.kind != CCNP and not _lands_in(applied)
    yield from _compiled(policy, applied.source, settings, facts, sure=not applied.doubt, anywhere=anywhere)


def _lands_in(applied: AppliedPolicy) -> str | None:
    """The namespace that a policy names; None where that is unknown."""
    metadata = applied.manifest.get("metadata")
    namespace = metadata.get("namespace") if isinstance(metadata, dict) else None
    return namespace if isinstance(namespace, str) and namespace and not has_placeholder(namespace) else None


def _unknown_in_shape(applied: AppliedPolicy, settings: Settings) -> Iterator[UnreadPolicy]:
    """The policy where no example fits in the place of an unknown value: a protocol, a selector, a list of rules."""
    policy = read_policy(applied.manifest, known=RULES)
    refused = _rejected(filled, settings, None) if (filled := with_examples(policy)) is not policy else None
    if refused is not None and has_placeholder(written_at(policy, refused.route)):
        namespace = _lands_in(applied) if policy.kind != CCNP else None
        yield UnreadPolicy(policy.kind, namespace, applied.source, "a manifest with values that are not known")


def _applied_tiers(applied: AppliedPolicy, settings: Settings) -> Iterator[AppliedRule]:
    for policy in cluster_network_policies(applied.manifest):
        for entry in tier_rules(policy.raw, settings):
            filled = has_placeholder(policy.raw)
            yield AppliedRule(policy, applied.source, entry, None, not (applied.doubt or filled), filled=filled)


def _compiled(
    policy: Policy, source: Source, settings: Settings, facts: Facts, *, sure: bool = True, anywhere: bool = False
) -> Iterator[AppliedRule]:
    written = {rule.route: rule for rule in policy.rules()}
    unknown: set[str] = set()
    filled = with_examples(policy)
    if filled is not policy:
        sure = sure and not any(has_placeholder(spec.raw.get(name)) for spec in policy.specs for name in SUBJECTS)
        unknown = {route for route, rule in written.items() if has_placeholder(rule.raw)}
    may_be = () if filled is policy else known_in_part(policy)
    if _rejected(filled, settings, ACCEPTED if filled is policy else None) is not None:
        return
    for entry in compile_policy(filled, settings, facts):
        rule = written.get(entry.route)
        parts = tuple(part for route, part in may_be if entry.route.startswith(route))
        yield AppliedRule(policy, source, entry, rule, sure, anywhere, entry.route in unknown, parts)


def _rejected(policy: Policy, settings: Settings, accepted: AcceptedRules | None) -> Rejection | None:
    return rejection(policy.raw, settings.version, flags=settings.flags, accepted=accepted)


def _facts(policies: Sequence[AppliedPolicy], inventory: Inventory) -> Facts:
    """The Services and CIDR groups that the rules of these policies may name."""
    named: list[Any] = []
    groups = False
    for applied in policies:
        for rule in read_policy(applied.manifest, known=RULES).rules():
            for field in rule.peers:
                if field.name == "toServices":
                    named += field.entries
                elif field.name.endswith("CIDRSet"):
                    groups = groups or any(isinstance(e, dict) and "cidr" not in e for e in field.entries)
    services = (
        [s for s in inventory.all_services() if any(_means(e, s.namespace, s.name, s.labels) for e in named)]
        if named
        else []
    )
    return facts_of(services, inventory.cidr_groups() if groups else (), inventory)


def _means(entry: Any, namespace: str, name: str, labels: Any) -> bool:
    return service_matches(entry, ServiceView(namespace, name, labels=labels))


def _namespace_of(rule: AppliedRule) -> str | None:
    """The one namespace of a rule's subjects; None where they may be in several."""
    if not rule.anywhere:
        for condition in rule.entry.subject.conditions:
            if condition.key == NAMESPACE_LABEL and condition.operator == "In" and len(condition.values) == 1:
                return condition.values[0]
    return None


def _holds(condition: Condition, pods: Pods) -> bool | None:
    found = pods.labels.values(condition.source, condition.key)
    if not found and not _known_to_lack(condition, pods):
        return None
    return condition.meets(found)


def _known_to_lack(condition: Condition, pods: Pods) -> bool:
    """Whether pods without a label of the condition's key are known to have none."""
    if condition.key.startswith(NAMESPACE_LABELS_PREFIX):
        return pods.namespace_labels
    if condition.key == NAMESPACE_LABEL:
        return pods.namespace is not None
    return pods.complete or condition.key == CLUSTER_LABEL or condition.source not in (ANY, K8S)
