"""Which rules of a cluster name known workloads as their peers, by the workload that is named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from rewriter.cilium.labels import ANY, CLUSTER_LABEL, K8S, NAMESPACE_LABEL, NAMESPACE_LABELS_PREFIX
from rewriter.cilium.nodes import ServiceReference
from rewriter.cilium.peers import endpoint_term, knp_peer_terms
from rewriter.cilium.policy import KNP, PeerField, Rule
from rewriter.cilium.selector import Selector, read_selector
from rewriter.cilium.terms import Condition, LabelTerm, label_term
from rewriter.evidence.context import Context
from rewriter.evidence.policies import AppliedRule, policies_of
from rewriter.evidence.settings import settings_of
from rewriter.evidence.workloads import Matches, matches
from rewriter.inventory.facts.model import Workload
from rewriter.records import dataclass


@dataclass(frozen=True, slots=True)
class NamedPeer:
    """One entry of an allow rule that names known workloads: the subjects and the peers.

    `by_labels` says that the entry asks for labels of pods, not for a namespace alone; `subject_by_labels` says so of
    the rule's subject. Where both do, pods that are not known may be meant as well, and `found` says why.
    """

    rule: AppliedRule
    written: Rule
    subjects: tuple[Workload, ...]
    peers: tuple[Workload, ...]
    by_labels: bool
    subject_by_labels: bool
    found: tuple[Matches, Matches]

    @property
    def unknown(self) -> tuple[str, ...]:
        """What may make more pods that the rule means."""
        return tuple(dict.fromkeys(reason for matched in self.found for reason in matched.reasons))


def naming(context: Context, direction: str, workload: Workload) -> Sequence[NamedPeer]:
    """The entries of rules that name a workload as peer, by labels or so that all pods that they mean are known."""
    key = ("named peers", workload.namespace, context.cluster and context.cluster.name, context.to_version)
    if key not in context.answers:
        table: dict[tuple[str, int], list[NamedPeer]] = {}
        for rule in policies_of(context).naming(workload.namespace):
            for named in _named_peers(context, rule):
                for peer in named.peers:
                    if peer.namespace == workload.namespace:
                        table.setdefault((named.written.direction, id(peer)), []).append(named)
        context.answers[key] = table
    made: Mapping[tuple[str, int], list[NamedPeer]] = context.answers[key]
    return made.get((direction, id(workload)), ())


def _named_peers(context: Context, rule: AppliedRule) -> Sequence[NamedPeer]:
    """The entries of a rule that name known workloads; made once a run, since rules name pods of several namespaces."""
    key = ("named by", id(rule), context.cluster and context.cluster.name, context.to_version)
    if key not in context.answers:
        context.answers[key] = rule, tuple(_named_peers_of(context, rule))
    made: tuple[AppliedRule, Sequence[NamedPeer]] = context.answers[key]
    return made[1]


def _named_peers_of(context: Context, rule: AppliedRule) -> Iterator[NamedPeer]:
    entry, written = rule.entry, rule.rule
    if entry.deny or entry.subject_is_node or written is None or not rule.sure or rule.anywhere or rule.filled:
        return
    terms = list(_named_terms(context, rule, written))
    if not terms:
        return
    subjects = matches(context, entry.subject)
    own = any(_is_own(condition) for condition in entry.subject.conditions)
    if not subjects.workloads or not (own or subjects.certain):
        return
    for term in terms:
        peers = matches(context, term)
        by_labels = any(_is_own(condition) for condition in term.conditions)
        if peers.workloads and (by_labels or peers.certain):
            yield NamedPeer(rule, written, subjects.workloads, peers.workloads, by_labels, own, (subjects, peers))


def _named_terms(context: Context, rule: AppliedRule, written: Rule) -> Iterator[LabelTerm]:
    """What the entries of a rule mean that name pods by a label or a Service, or another namespace."""
    settings = settings_of(context.cluster, context.to_version)
    if not context.mesh:
        settings = replace(settings, default_local_cluster=False)
    policy = rule.policy
    fields = [field for field in written.peers if field.entries]
    if written.selects_nobody or len(fields) != 1:
        return
    if fields[0].name == "toServices":
        yield from _backends(context, fields[0])
        return
    spec = next((spec for spec in policy.specs if written.route.startswith(f"{spec.route}/")), None)
    for selector, raw in _selectors(fields[0], policy.kind):
        if not any(r.operator == "In" for r in selector.requirements) or selector.names_reserved:
            continue
        if policy.kind == KNP:
            found = [*knp_peer_terms(raw, policy.namespace or "", settings)]
            term = found[0] if len(found) == 1 else None
        else:
            term = endpoint_term(selector, policy, spec.subject if spec else None, settings)
        if isinstance(term, LabelTerm):
            yield term


def _backends(context: Context, field: PeerField) -> Iterator[LabelTerm]:
    """The pods behind each Service that an entry of toServices names, with its namespace."""
    for entry in field.read_as(ServiceReference):
        services = context.inventory.services(entry.name, entry.namespace) if entry.name and entry.namespace else ()
        own = context.cluster.name if context.cluster else None
        here = [service for service in services if own is None or service.cluster in (None, own)]
        if len(here) == 1 and here[0].selector and not here[0].is_global and not context.inventory.doubts(here[0]):
            labels = {**here[0].selector, NAMESPACE_LABEL: here[0].namespace}
            yield label_term(Condition(K8S, key, "In", (value,)) for key, value in labels.items())


def _selectors(field: PeerField, kind: str) -> Iterator[tuple[Selector, object]]:
    """Each entry with the conditions that are written in it."""
    for index, entry in enumerate(field.entries):
        if kind == KNP and isinstance(entry, dict) and "ipBlock" not in entry:
            parts = [read_selector(entry.get(name), "") for name in ("podSelector", "namespaceSelector")]
            yield Selector("", tuple(r for part in parts if part for r in part.requirements)), entry
        elif field.selectors and (selector := field.selectors[index]) is not None and field.name.endswith("Endpoints"):
            yield selector, entry


def _is_own(condition: Condition) -> bool:
    """Whether a condition asks for a certain value of a label of pods."""
    if condition.operator not in ("In", "Exists") or condition.source not in (ANY, K8S):
        return False
    key = condition.key
    return key not in (NAMESPACE_LABEL, CLUSTER_LABEL) and not key.startswith(NAMESPACE_LABELS_PREFIX)
