"""From the peer fields of a rule to terms, with Cilium's silent additions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rewriter.cilium.cidr import parsed_prefixes
from rewriter.cilium.entities import entity_terms
from rewriter.cilium.fqdn import fqdn_term
from rewriter.cilium.labels import ANY, CLUSTER_LABEL, K8S, NAMESPACE_LABEL, NAMESPACE_LABELS_PREFIX, RESERVED
from rewriter.cilium.local_cluster import names_cluster, peer_takes_local_cluster, takes_local_cluster
from rewriter.cilium.policy import EGRESS, INGRESS, Policy, Rule
from rewriter.cilium.selector import Selector, read_selector, selects_object
from rewriter.cilium.services import service_terms
from rewriter.cilium.settings import Facts, Settings
from rewriter.cilium.terms import (
    ANYTHING,
    CIDR_GROUP,
    GROUP,
    NOTHING,
    CidrTerm,
    Condition,
    LabelTerm,
    Term,
    conditions_of,
    filtered,
    label_term,
    opaque_term,
)
from rewriter.cilium.version import (
    ADDS_PODS_TO_BLOCKS,
    EGRESS_CIDR_GROUPS,
    INIT_NEEDS_CLUSTERWIDE,
    NAMESPACE_LABELS_PREFIX_COUNTS,
    NODE_PEERS,
    SERVICES_WITH_PORTS,
    Version,
)

_NODE_FIELDS = ("fromNodes", "toNodes")
#: Peers whose entries are mappings, by the name of their field.
_MAPPINGS = ("CIDRSet", "FQDNs", "Services")
#: Peers by what they are: what is known of an object is known of hundreds of policies that name the same peers.
_PEERS: dict[tuple[Term, ...], tuple[Term, ...]] = {}
_MOST_PEERS = 10_000


def rule_terms(
    rule: Rule, policy: Policy, subject: Selector | None, settings: Settings, facts: Facts
) -> tuple[Term, ...]:
    """The peers of a rule. None at all when a list is empty, or when the rule has neither peers nor ports."""
    if rule.selects_nobody:
        return ()
    terms: list[Term] = []
    named = False
    for field in rule.peers:
        if not field.entries or field.name in ("fromRequires", "toRequires"):
            continue
        if field.name == "toServices" and rule.deny:
            continue  # Cilium resolves Services in `egress` alone, never in `egressDeny`.
        if field.name in (*_NODE_FIELDS, "fromGroups") and settings.version < NODE_PEERS:
            continue
        named = True
        kind = field.name.removeprefix("from").removeprefix("to")
        for entry, selector in zip(field.entries, field.selectors or [None] * len(field.entries), strict=True):
            terms += _entry_terms(kind, rule, entry, selector, policy, subject, settings, facts)
    if named and not terms and settings.version >= SERVICES_WITH_PORTS and rule.peer("toServices"):
        named = False  # Services that resolve to nothing leave the rule as if it named no peer.
    if named:
        return _shared(tuple(dict.fromkeys(terms)))
    return (ANYTHING,) if rule.raw.get("toPorts") or rule.raw.get("icmps") else ()


def _shared(peers: tuple[Term, ...]) -> tuple[Term, ...]:
    """The same peers, and the very object of rules before that name the same."""
    if len(_PEERS) >= _MOST_PEERS:
        _PEERS.clear()
    return _PEERS.setdefault(peers, peers)


def _entry_terms(
    kind: str,
    rule: Rule,
    entry: Any,
    selector: Selector | None,
    policy: Policy,
    subject: Selector | None,
    settings: Settings,
    facts: Facts,
) -> Iterable[Term]:
    if kind in _MAPPINGS and not _is_entry(entry):
        return ()  # What stands there is no entry, such as a placeholder for one.
    match kind:
        case "Endpoints":
            return filter(None, (endpoint_term(selector, policy, subject, settings),)) if selector else ()
        case "Nodes":
            return filter(None, (_node_term(selector, settings),)) if selector else ()
        case "Entities":
            return entity_terms(entry, settings.local_cluster)
        case "CIDR":
            return map(CidrTerm, parsed_prefixes((entry,)))
        case "CIDRSet":
            return _cidr_rule_terms(entry or {}, rule, settings.version, facts)
        case "FQDNs":
            return (fqdn_term(entry or {}, settings.version),)
        case "Services":
            return service_terms(entry or {}, settings, facts)
        case _:
            return (opaque_term(GROUP, canonical_json(entry)),)


def _is_entry(entry: Any) -> bool:
    return entry is None or isinstance(entry, Mapping)


def endpoint_term(selector: Selector, policy: Policy, subject: Selector | None, settings: Settings) -> LabelTerm | None:
    """A selector of from/toEndpoints with the namespace and the cluster that Cilium adds (getEndpointSelector).

    None where it asks for a label that no identity has.
    """
    if selector.names_reserved:
        conditions = filtered(conditions_of(selector.requirements), settings.pod_labels)
        return None if conditions is None else label_term(conditions)
    return _scoped_term(selector, policy, subject, settings, "fromEndpoints")


def required_term(selector: Selector, policy: Policy, subject: Selector | None, settings: Settings) -> LabelTerm:
    """A selector of from/toRequires with what Cilium adds: here reserved labels exempt from nothing."""
    return _scoped_term(selector, policy, subject, settings, "fromRequires") or NOTHING


def _scoped_term(
    selector: Selector, policy: Policy, subject: Selector | None, settings: Settings, field: str
) -> LabelTerm | None:
    scoped = filtered(_with_scope(selector, policy, subject, settings), settings.pod_labels)
    if scoped is None:
        return None
    if settings.adds_local_cluster and takes_local_cluster(selector, field):
        scoped += _cluster(settings, scoped)
    return label_term(scoped)


def _with_scope(selector: Selector, policy: Policy, subject: Selector | None, settings: Settings) -> list[Condition]:
    """The conditions of a selector with the namespace that Cilium adds."""
    conditions = conditions_of(selector.requirements)
    keys = {c.key for c in conditions if c.source in (ANY, K8S)}
    if NAMESPACE_LABEL not in keys and not _reaches_init(subject, policy, settings.version):
        if policy.namespace is None:
            conditions.append(Condition(K8S, NAMESPACE_LABEL, "Exists"))
        elif not (_names_namespace_labels(keys) and settings.version >= NAMESPACE_LABELS_PREFIX_COUNTS):
            conditions = with_namespace(conditions, policy.namespace)
    return conditions


def with_namespace(conditions: Iterable[Condition], namespace: str) -> list[Condition]:
    return [*conditions, Condition(K8S, NAMESPACE_LABEL, "In", (namespace,))]


def knp_rule_terms(peers: Sequence[Any], direction: str, namespace: str, settings: Settings) -> tuple[Term, ...]:
    """The peers of one rule of a NetworkPolicy: everybody where it names none (parseNetworkPolicyPeer).

    The first 1.19, with policy-default-local-cluster on, adds the pods of the policy's namespace and cluster to an
    ingress rule that has only `ipBlock` peers (mended in Cilium commit 6b93e7a187).
    """
    if not peers:
        return (ANYTHING,)
    terms = [term for peer in peers for term in knp_peer_terms(peer, namespace, settings)]
    # A peer whose labels no identity has makes no term, and is a peer all the same.
    only_blocks = all(
        isinstance(peer, dict) and peer.get("podSelector") is None and peer.get("namespaceSelector") is None
        for peer in peers
    )
    if direction == INGRESS and terms and only_blocks and adds_pods_to_blocks(settings):
        conditions = with_namespace((), namespace)
        terms.append(label_term([*conditions, *_cluster(settings, conditions)]))
    return tuple(terms)


def adds_pods_to_blocks(settings: Settings) -> bool:
    """Whether the agents let pods in where a NetworkPolicy's ingress rule names nothing but addresses."""
    return settings.first_patch and settings.adds_local_cluster and settings.version == ADDS_PODS_TO_BLOCKS


def knp_peer_terms(peer: Any, namespace: str, settings: Settings) -> Iterator[Term]:
    """The peers that one entry of a NetworkPolicy's `from` or `to` stands for (parseNetworkPolicyPeer)."""
    if not isinstance(peer, dict):
        return
    pods, namespaces, block = (peer.get(field) for field in ("podSelector", "namespaceSelector", "ipBlock"))
    if block is not None:
        exceptions = parsed_prefixes(block.get("except") or ())
        yield from (CidrTerm(prefix, exceptions) for prefix in parsed_prefixes((block["cidr"],)))
    if pods is None and namespaces is None:
        return
    local = settings.adds_local_cluster and peer_takes_local_cluster(peer)
    written = {NAMESPACE_LABEL: namespaces is None, CLUSTER_LABEL: local}
    conditions = network_policy_conditions(pods, overwritten=tuple(key for key, is_so in written.items() if is_so))
    if namespaces is None:
        conditions = with_namespace(conditions, namespace)
    else:
        chosen = network_policy_conditions(namespaces, NAMESPACE_LABELS_PREFIX)
        conditions += chosen or [Condition(K8S, NAMESPACE_LABEL, "Exists")]
    kept = filtered(conditions, settings.pod_labels)
    if kept is not None:
        yield label_term([*kept, *_cluster(settings, kept)] if local else kept)


def network_policy_conditions(raw: Any, prefix: str = "", overwritten: tuple[str, ...] = ()) -> list[Condition]:
    """The conditions of a Kubernetes selector, whose keys are pod labels whatever they look like.

    matchLabels of an `overwritten` key are left out: Cilium writes its own value there.
    """
    selector = read_selector(raw, "")
    return [
        Condition(K8S, prefix + r.written_key, r.operator, tuple(sorted(set(r.values))))
        for r in (selector.requirements if selector else ())
        if not (r.written_key in overwritten and r.route.startswith("/matchLabels/"))
    ]


def _cluster(settings: Settings, conditions: Iterable[Condition]) -> list[Condition]:
    """The local cluster beside the other conditions on a pod.

    In a single cluster every pod has its label and nothing else has: there it says that a pod is meant.
    """
    if not settings.single_cluster:
        return [Condition(K8S, CLUSTER_LABEL, "In", (settings.local_cluster,))]
    pods = any(
        c.operator in ("In", "Exists") and (c.key == NAMESPACE_LABEL or c.key.startswith(NAMESPACE_LABELS_PREFIX))
        for c in conditions
    )
    return [] if pods else [Condition(K8S, NAMESPACE_LABEL, "Exists")]


def _names_namespace_labels(keys: Iterable[str]) -> bool:
    return any(key.startswith(NAMESPACE_LABELS_PREFIX) for key in keys)


def names_init(subject: Selector | None) -> bool:
    """Whether a subject selector names pods that have no identity yet, and so no namespace label."""
    return subject is not None and any(r.source == RESERVED and r.key == "init" for r in subject.requirements)


def _reaches_init(subject: Selector | None, policy: Policy, version: Version) -> bool:
    """Whether such a subject keeps the namespace from being added; since 1.16 only in clusterwide policies."""
    return names_init(subject) and (policy.namespace is None or version < INIT_NEEDS_CLUSTERWIDE)


def _node_term(selector: Selector, settings: Settings) -> LabelTerm | None:
    """A selector of from/toNodes (getNodeSelector): other nodes than the own one; None where no node can have it."""
    conditions = conditions_of(selector.requirements)
    cluster = settings.adds_local_cluster and not names_cluster(selector)
    if cluster:
        conditions.append(Condition(K8S, CLUSTER_LABEL, "In", (settings.local_cluster,)))
    kept = filtered(conditions, settings.node_labels)
    if kept is None:
        return None
    if cluster and settings.single_cluster:
        kept.remove(conditions[-1])  # Every other node is of the one cluster.
    return label_term([*kept, Condition(RESERVED, "remote-node", "Exists")])


def _cidr_rule_terms(entry: Mapping[str, Any], rule: Rule, version: Version, facts: Facts) -> Iterator[Term]:
    # Releases before 1.17 do not check deny rules: what does not parse there selects nothing.
    exceptions = parsed_prefixes(entry.get("except") or ())
    if entry.get("cidr"):
        yield from (CidrTerm(prefix, exceptions) for prefix in parsed_prefixes((entry["cidr"],)))
        return
    if version < EGRESS_CIDR_GROUPS and (rule.deny or rule.direction == EGRESS):
        return  # Up to 1.15 Cilium reads groups in `ingress` alone.
    name = entry.get("cidrGroupRef")
    selector = None if name else read_selector(entry.get("cidrGroupSelector"), "")
    groups = [
        group
        for group in facts.cidr_groups
        if (group.name == name if name else selector is not None and selects_object(selector, group.labels))
    ]
    if not groups:
        text = str(name) if name else canonical_json(entry.get("cidrGroupSelector") or {})
        text += "".join(f" except {prefix}" for prefix in exceptions)
        yield opaque_term(CIDR_GROUP, text)
    for group in groups:
        if group.by_label:
            yield opaque_term(CIDR_GROUP, group.name)
        for prefix in group.prefixes:
            yield CidrTerm(prefix, exceptions)


def canonical_json(value: Any) -> str:
    """JSON text that is the same for the same content."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
