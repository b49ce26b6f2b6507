"""Fields of CIDRs in a rule, in words: what they hold of the mesh, and on what evidence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rewriter.cilium.addresses import AddressSet
from rewriter.cilium.policy import KNP, PeerField, Rule, Spec
from rewriter.evidence.clusters import parsed
from rewriter.evidence.context import Context
from rewriter.finding import Applicability, Finding, Severity
from rewriter.inventory.facts.model import Service
from rewriter.passes.kit.addresses.cidr_entries import (
    CidrEntry,
    Coverage,
    Held,
    Member,
    carves_inside_pods,
    matches_pods,
    union,
)
from rewriter.passes.kit.addresses.unknown_ranges import ranges_known, taken_out_of_the_internet
from rewriter.passes.kit.changes.report import report
from rewriter.records import dataclass
from rewriter.text import join_names

#: How many exceptions of other policies one note names.
_MOST_EXCEPTIONS = 3
#: How many nodes one finding names.
_MOST_NODES = 3


@dataclass(frozen=True, slots=True)
class CidrSite:
    """One field of CIDRs in a rule, and what the CIDRs cover."""

    context: Context
    spec: Spec
    rule: Rule
    field: PeerField
    covered: Coverage

    def verb(self, entries: Sequence[Held]) -> str:
        """What some entries do, in the number that fits."""
        if are_several(entries):
            return "deny" if self.rule.deny else "allow"
        return "denies" if self.rule.deny else "allows"


def are_several(entries: Sequence[Held]) -> bool:
    """Whether entries are more than one in words."""
    return len({held.entry.text for held in entries}) > 1


def cidr_doubts(site: CidrSite, entries: Sequence[Held]) -> tuple[str, ...]:
    """Where the ranges of the clusters that entries touch contradict each other."""
    named = {name for held in entries for name in (*held.pods, *held.part, *held.nodes)}
    members = [member.cluster for member in site.covered.members]
    touched = [cluster for cluster in members if cluster.name in named]
    return tuple(dict.fromkeys(words for cluster in touched for words in site.context.inventory.doubts(cluster)))


def is_inside(held: Held, addresses: Sequence[str]) -> bool:
    return bool(addresses) and bool(parsed(addresses) & held.entry.addresses)


def backends_there(site: CidrSite, held: Held) -> Iterator[Service]:
    """The Services that have an endpoint in an entry."""
    inventory = site.context.inventory
    for service in inventory.all_services():
        if any(is_inside(held, endpoint_slice.addresses) for endpoint_slice in inventory.endpoint_slices(service)):
            yield service


def manual_finding(site: CidrSite, entries: Sequence[Held], reason: str, advice: str, *, what: str = "pod") -> Finding:
    return report(
        site.context,
        route_of(site, entries),
        Applicability.MANUAL,
        f"{named_entries(site, entries)} {site.verb(entries)} no {what}, {reason}",
        why_no_match(site),
        severity=Severity.ERROR if site.rule.deny else Severity.WARNING,
        evidence=cidr_evidence(site, entries, ()),
        advice=advice,
        at_key=route_of(site, entries) == site.field.route,
    )


def why_no_match(site: CidrSite) -> str:
    if site.rule.deny:
        return "a CIDR matches addresses outside the mesh only, so traffic that the rule seems to deny passes"
    return "a CIDR matches addresses outside the mesh only, so traffic that the rule seems to allow is dropped"


def named_entries(site: CidrSite, entries: Sequence[Held]) -> str:
    name = "ipBlock" if site.context.policy.kind == KNP else site.field.name
    return f"`{name}` {join_names(held.entry.text for held in entries)}"


def held_ranges(site: CidrSite, entries: Sequence[Held]) -> str:
    own = site.covered.own.name if site.covered.own is not None else None
    pods = dict.fromkeys(name for held in entries for name in held.pods)
    nodes = dict.fromkeys(name for held in entries if own not in held.pods for name in held.nodes if name not in pods)
    parts = [f"pod of {join_names(pods)}"] if pods else []
    parts += [f"node of {join_names(nodes)}"] if nodes else []
    return " and no ".join(parts)


def route_of(site: CidrSite, entries: Sequence[Held]) -> str:
    indexes = {held.entry.index for held in entries}
    return site.field.entry_route(indexes.pop()) if len(indexes) == 1 else site.field.route


def mesh_evidence(covered: Coverage) -> AddressSet:
    ranges = [member.ranges for member in covered.members]
    return union(known for range_ in ranges for known in (range_.pods, range_.nodes, range_.services) if known)


def cidr_evidence(site: CidrSite, entries: Sequence[Held], gone: Sequence[str]) -> tuple[str, ...]:
    named = {name for held in entries for name in (*held.pods, *held.part, *held.nodes, *held.services)}
    facts = [ranges_text(member) for member in site.covered.members if member.name in named]
    facts += _nodes_there(site, entries)
    groups = (held.entry.group for held in entries)
    facts += dict.fromkeys(f"CIDR group {group.name}, {group.source}" for group in groups if group is not None)
    local = site.context.config.internal_cidr.local
    if local is not None and site.context.policy.kind != KNP:
        facts.append(f'[passes.internal-cidr] local = "{local}"')
    if gone:
        facts.append(f"internal_cidrs = {join_names(site.context.config.internal_cidrs)}")
    return tuple(facts)


def _nodes_there(site: CidrSite, entries: Sequence[Held]) -> Iterator[str]:
    """The known Node objects that say where nodes, or their pods, are; none where the ranges are stated."""
    facts: dict[str, None] = {}
    clusters = {member.name: member.cluster for member in site.covered.members}
    for node in site.context.inventory.nodes():
        cluster = clusters.get(node.cluster or "")
        if cluster is None:
            continue
        own = [held for held in entries if held.nodes and not held.pods and is_inside(held, node.addresses)]
        if own and cluster.node_cidrs is None:
            facts[f"node {node.name} ({join_names(node.addresses)}), {node.source}"] = None
        of_pods = [held for held in entries if (held.pods or held.part) and is_inside(held, node.pod_cidrs)]
        if of_pods and cluster.pod_cidrs is None:
            facts[f"node {node.name} (pods {join_names(node.pod_cidrs)}), {node.source}"] = None
    yield from list(facts)[:_MOST_NODES]
    if len(facts) > _MOST_NODES:
        yield f"and {len(facts) - _MOST_NODES} more nodes"


def ranges_text(member: Member) -> str:
    cluster = member.cluster
    fields = [("pods", "pod_cidrs"), ("nodes", "node_cidrs"), ("Services", "service_cidrs")]
    if cluster.pod_cidrs is None:
        fields[0] = ("pods within", "pods_within")
    if cluster.node_cidrs is None:
        fields[1] = ("nodes within", "nodes_within")
    by_source: dict[str, list[str]] = {}
    for name, field in fields:
        if cidrs := getattr(cluster, field):
            by_source.setdefault(str(cluster.source_of(field)), []).append(f"{name} {' '.join(cidrs)}")
    ranges = "; ".join(f"{source}: {', '.join(parts)}" for source, parts in by_source.items())
    return f"{cluster.name}, {ranges or f'{cluster.source}: ranges of its nodes'}"


def internet_exceptions(site: CidrSite, entries: Sequence[CidrEntry]) -> Iterator[Finding]:
    """Findings of entries wider than any private range, which mean the internet, with an exception of pods."""
    for entry in entries:
        held = Held(entry, (), (), (), ())
        if not matches_pods(site.context) and carves_inside_pods(site.context, entry):
            advice = "select the pods that are meant with a rule of their own; the exception has no effect on them"
            yield manual_finding(site, [held], "though the exception lies inside a pod range", advice)


def may_hold(site: CidrSite, unknown: Sequence[Held]) -> Finding:
    configured = parsed(site.context.config.internal_cidrs)
    ours = [held.entry.text for held in unknown if held.entry.addresses <= configured]
    evidence = [f"internal_cidrs says that {join_names(ours)} holds the mesh and nothing else"] if ours else []
    own = site.covered.own
    known = ranges_known(site.covered)
    if own is not None and own.cluster.pods_within:
        evidence.append(ranges_text(own))
    carved = () if known or ours else _taken_out(site, unknown)
    where = f"in cluster {own.name}" if own is not None else "in the cluster of the policy"
    return report(
        site.context,
        route_of(site, unknown),
        Applicability.MANUAL,
        f"{named_entries(site, unknown)} may hold pods, which no CIDR matches"
        + ("" if known else f"; where pods are {where} is not known"),
        "the rule would deny none of them" if site.rule.deny else "the rule would allow none of them",
        severity=Severity.WARNING if known or ours else Severity.NOTE,
        evidence=(*evidence, *carved),
        once="" if known or ours else "where pods are",
        advice="say where the pods are, with `pod_cidrs` and `node_cidrs` of a [[clusters]] entry or --inventory",
        at_key=route_of(site, unknown) == site.field.route,
    )


def _taken_out(site: CidrSite, entries: Sequence[Held]) -> tuple[str, ...]:
    found = (words for held in entries for words in taken_out_of_the_internet(site.context, held.entry))
    return tuple(dict.fromkeys(found))[:_MOST_EXCEPTIONS]
