"""Why an upgrade changes what a policy means: what each release of Cilium changes, and where in a policy it applies."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from rewriter.cilium.go_syntax import is_service_name
from rewriter.cilium.identity_labels import LabelFilter
from rewriter.cilium.labels import ANY, CLUSTER_LABEL, K8S, NAMESPACE_LABELS_PREFIX
from rewriter.cilium.peers import adds_pods_to_blocks
from rewriter.cilium.policy import EGRESS, INGRESS, KNP, Policy, Rule
from rewriter.cilium.selector import Selector
from rewriter.cilium.settings import Settings
from rewriter.cilium.version import (
    DEFAULT_LOCAL_CLUSTER,
    DOUBLE_STAR_SPANS_LABELS,
    EGRESS_CIDR_GROUPS,
    ENABLE_DEFAULT_DENY,
    NAMED_PORTS_PER_DESTINATION,
    NAMESPACE_LABELS_PREFIX_COUNTS,
    NODE_PEERS,
    PORT_RANGES,
    SERVICES_WITH_PORTS,
    ZERO_IS_EVERY_PORT,
    Version,
)
from rewriter.passes.kit.changes.forms import members_of


class Reason(NamedTuple):
    """A change that applies to a policy: the release that brings it, where, and in words; `advice` what else helps."""

    release: Version
    route: str
    words: str
    advice: str = ""


Routes = Callable[[Policy, Settings, Settings], Iterator[str]]


def reasons(policy: Policy, source: Settings, target: Settings) -> list[Reason]:
    """The changes between two releases that bear on a policy, in document order; empty where none is known to."""
    return [
        Reason(release, route, words, advice)
        for release, routes, words, advice in _CHANGES
        if source.version < release <= target.version
        for route in routes(policy, source, target)
    ]


def _namespace_labels(policy: Policy, _source: Settings, _target: Settings) -> Iterator[str]:
    for rule in policy.rules() if policy.kind != KNP else ():
        for field in rule.peers:
            for index, selector in enumerate(field.selectors):
                keys = [r.key for r in selector.requirements] if selector else []
                if any(key.startswith(NAMESPACE_LABELS_PREFIX) for key in keys):
                    yield field.entry_route(index)


def _end_ports(policy: Policy, _source: Settings, _target: Settings) -> Iterator[str]:
    return (route for route, port, _ in _ports(policy) if port.get("endPort"))


def _named_ports(policy: Policy, _source: Settings, _target: Settings) -> Iterator[str]:
    for route, port, rule in _ports(policy):
        text = port.get("port")
        if rule.direction == EGRESS and isinstance(text, str) and is_service_name(text):
            yield route


def _zero_with_end(policy: Policy, _source: Settings, _target: Settings) -> Iterator[str]:
    return (route for route, port, _ in _ports(policy) if port.get("endPort") and port.get("port") == "0")


def _default_deny(policy: Policy, _source: Settings, _target: Settings) -> Iterator[str]:
    return (f"{spec.route}/enableDefaultDeny" for spec in policy.specs if "enableDefaultDeny" in spec.raw)


def _groups(policy: Policy, _source: Settings, _target: Settings) -> Iterator[str]:
    for rule in policy.rules():
        for field in rule.peers:
            for index, entry in enumerate(field.entries):
                named = isinstance(entry, dict) and "cidrGroupRef" in entry
                if named and (rule.deny or rule.direction == EGRESS):
                    yield field.entry_route(index)


def _services(policy: Policy, _source: Settings, _target: Settings) -> Iterator[str]:
    return (field.route for rule in policy.rules() if (field := rule.peer("toServices")))


def _nodes(policy: Policy, _source: Settings, _target: Settings) -> Iterator[str]:
    return (field.route for rule in policy.rules() for field in rule.peers if field.name in ("fromNodes", "toNodes"))


def _unlabelled_nodes(policy: Policy, _source: Settings, target: Settings) -> Iterator[str]:
    kept = target.node_labels
    if kept is None or not target.adds_local_cluster or not _leaves_out(kept):
        return
    for rule in policy.rules():
        for field in rule.peers:
            # A selector on another label that `nodeLabels` leave out matches no node today either.
            if field.name in ("fromNodes", "toNodes") and any(
                _matches_nodes(selector, kept) for selector in field.selectors
            ):
                yield field.route


def _matches_nodes(selector: Selector | None, kept: LabelFilter) -> bool:
    demands = (
        [requirement for requirement in selector.requirements if requirement.operator in ("In", "Exists")]
        if selector
        else []
    )
    return all(kept.keeps(requirement.key) for requirement in demands if requirement.source in (ANY, K8S))


def _leaves_out(labels: LabelFilter | None) -> bool:
    return labels is not None and not labels.keeps(CLUSTER_LABEL)


def _only_blocks(policy: Policy, _source: Settings, target: Settings) -> Iterator[str]:
    if policy.kind != KNP or not adds_pods_to_blocks(target):
        return
    for rule in policy.rules():
        entries = [entry for field in rule.peers for entry in field.entries]
        if rule.direction == INGRESS and entries and all(isinstance(e, dict) and "ipBlock" in e for e in entries):
            yield rule.route


def _local_cluster(policy: Policy, source: Settings, target: Settings) -> Iterator[str]:
    if source.adds_local_cluster or not target.adds_local_cluster:
        return
    for rule in policy.rules():
        for field in rule.peers:
            for index, entry in enumerate(field.entries):
                if isinstance(entry, dict) and _forbids(entry):
                    yield field.entry_route(index)


def _forbids(selector: Mapping[str, object]) -> bool:
    """Whether a selector, or that of namespaces in a NetworkPolicy's peer, forbids something and asks for nothing."""
    selector = members_of(selector.get("namespaceSelector")) or selector
    expressions = selector.get("matchExpressions")
    operators = [e.get("operator") for e in expressions if isinstance(e, dict)] if isinstance(expressions, list) else []
    return bool(operators) and set(operators) <= {"NotIn", "DoesNotExist"} and not selector.get("matchLabels")


def _double_stars(policy: Policy, _source: Settings, _target: Settings) -> Iterator[str]:
    for rule in policy.rules():
        field = rule.peer("toFQDNs")
        for index, entry in enumerate(field.entries if field else ()):
            if isinstance(entry, dict) and str(entry.get("matchPattern") or "").startswith("**"):
                yield field.entry_route(index) if field else ""


def _ports(policy: Policy) -> Iterator[tuple[str, Mapping[str, object], Rule]]:
    """Every port of a policy with its route and its rule."""
    for rule in policy.rules():
        for field in ("toPorts", "ports"):
            items = rule.raw.get(field)
            for i, item in enumerate(items if isinstance(items, list) else ()):
                if field == "ports" and isinstance(item, dict):
                    yield f"{rule.route}/ports/{i}", item, rule
                ports = item.get("ports") if field == "toPorts" and isinstance(item, dict) else None
                for j, port in enumerate(ports if isinstance(ports, list) else ()):
                    if isinstance(port, dict):
                        yield f"{rule.route}/toPorts/{i}/ports/{j}", port, rule


_CHANGES: tuple[tuple[Version, Routes, str, str], ...] = (
    (
        NAMESPACE_LABELS_PREFIX_COUNTS,
        _namespace_labels,
        "a selector on labels of a namespace matches pods of every such namespace; before, only of the policy's own",
        "",
    ),
    (PORT_RANGES, _end_ports, "Cilium reads `endPort`; before, it read the first port only", ""),
    (ENABLE_DEFAULT_DENY, _default_deny, "Cilium reads `enableDefaultDeny`; before, it dropped the field", ""),
    (
        EGRESS_CIDR_GROUPS,
        _groups,
        "Cilium reads `cidrGroupRef` on egress and in deny rules; before, only in `ingress`",
        "",
    ),
    (NODE_PEERS, _nodes, "Cilium reads `fromNodes` and `toNodes`; before, it dropped them", ""),
    (
        SERVICES_WITH_PORTS,
        _services,
        "`toServices` with ports means the pods of the Service, and every destination where no such Service exists",
        "",
    ),
    (
        DEFAULT_LOCAL_CLUSTER,
        _unlabelled_nodes,
        f"a node has to carry the label {CLUSTER_LABEL} as well, and `nodeLabels` of the installation leave it out",
        f"add {CLUSTER_LABEL} to `nodeLabels` (later patch releases of 1.19 need it no more, cilium/cilium#45956)",
    ),
    (
        DEFAULT_LOCAL_CLUSTER,
        _only_blocks,
        "a rule with nothing but `ipBlock` lets every pod of its own namespace in as well, by a fault of 1.19.0",
        "go to a patch release with Cilium commit 6b93e7a187, which mends it",
    ),
    (
        DEFAULT_LOCAL_CLUSTER,
        _local_cluster,
        "a peer means pods of the local cluster unless it names one; before, a selector that only "
        "excludes labels matched nodes and the world, too",
        "",
    ),
    (DOUBLE_STAR_SPANS_LABELS, _double_stars, "`**.` covers several labels of a name; before, one", ""),
    (
        NAMED_PORTS_PER_DESTINATION,
        _named_ports,
        "a port name on egress means the port that each destination gives that name; before, one number for all "
        "pods, and none where they differ",
        "",
    ),
    (ZERO_IS_EVERY_PORT, _zero_with_end, "port 0 means every port, with an `endPort` too", ""),
)
