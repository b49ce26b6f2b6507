"""From the peer fields of a rule to terms, with Cilium's silent additions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rewriter.cilium.cidr import parsed_prefixes
from rewriter.cilium.entities import entity_terms
from rewriter.cilium.fqdn import fqdn_term
from rewriter.cilium.labels import ANY, CLUSTER_LABEL, K8S, NAMESPACE_LABEL, NAMESPACE_LABELS_PREFIX, RESERVED
from rewriter.cilium.local_cluster import names_cluster, peer_takes_local_cluster, takes_local_cluster
from rewriter.cilium.policy import Policy, Rule
from rewriter.cilium.selector import Selector, read_selector, selects_object
from rewriter.cilium.services import service_terms
from rewriter.cilium.settings import Facts, Settings
from rewriter.cilium.terms import (
    ANYTHING,
    CIDR_GROUP,
    GROUP,
    CidrTerm,
    Condition,
    LabelTerm,
    Term,
    conditions_of,
    label_term,
    opaque_term,
)
from rewriter.cilium.version import (
    DEFAULT_LOCAL_CLUSTER,
    INIT_NEEDS_CLUSTERWIDE,
    NAMESPACE_LABELS_PREFIX_COUNTS,
    NODE_PEERS,
    Version,
)

_NODE_FIELDS = ("fromNodes", "toNodes")


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
        if field.name in (*_NODE_FIELDS, "fromGroups") and settings.version < NODE_PEERS:
            continue
        named = True
        kind = field.name.removeprefix("from").removeprefix("to")
        for entry, selector in zip(field.entries, field.selectors or [None] * len(field.entries), strict=True):
            terms += _entry_terms(kind, entry, selector, policy, subject, settings, facts)
    if named:
        return tuple(dict.fromkeys(terms))
    return (ANYTHING,) if rule.raw.get("toPorts") or rule.raw.get("icmps") else ()


def _entry_terms(
    kind: str,
    entry: Any,
    selector: Selector | None,
    policy: Policy,
    subject: Selector | None,
    settings: Settings,
    facts: Facts,
) -> Iterable[Term]:
    match kind:
        case "Endpoints":
            return (endpoint_term(selector, policy, subject, settings),) if selector else ()
        case "Nodes":
            return (_node_term(selector, settings),) if selector else ()
        case "Entities":
            return entity_terms(entry, settings.local_cluster)
        case "CIDR":
            return map(CidrTerm, parsed_prefixes((entry,)))
        case "CIDRSet":
            return _cidr_rule_terms(entry or {}, facts)
        case "FQDNs":
            return (fqdn_term(entry or {}, settings.version),)
        case "Services":
            return service_terms(entry or {}, settings, facts)
        case _:
            return (opaque_term(GROUP, _canonical(entry)),)


def endpoint_term(selector: Selector, policy: Policy, subject: Selector | None, settings: Settings) -> LabelTerm:
    """A selector of from/toEndpoints with the namespace and the cluster that Cilium adds (getEndpointSelector)."""
    if selector.names_reserved:
        return label_term(conditions_of(selector.requirements))
    scoped = _with_scope(selector, policy, subject, settings)
    if settings.adds_local_cluster and takes_local_cluster(selector, "fromEndpoints"):
        scoped.append(_cluster(settings))
    return label_term(scoped)


def required_term(selector: Selector, policy: Policy, subject: Selector | None, settings: Settings) -> LabelTerm:
    """A selector of from/toRequires with what Cilium adds: here reserved labels exempt from nothing."""
    scoped = _with_scope(selector, policy, subject, settings)
    if settings.adds_local_cluster and takes_local_cluster(selector, "fromRequires"):
        scoped.append(_cluster(settings))
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
    if local:
        conditions.append(_cluster(settings))
    yield label_term(conditions)


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


def _cluster(settings: Settings) -> Condition:
    return Condition(K8S, CLUSTER_LABEL, "In", (settings.local_cluster,))


def _names_namespace_labels(keys: Iterable[str]) -> bool:
    return any(key.startswith(NAMESPACE_LABELS_PREFIX) for key in keys)


def names_init(subject: Selector | None) -> bool:
    """Whether a subject selector names pods that have no identity yet, and so no namespace label."""
    return subject is not None and any(r.source == RESERVED and r.key == "init" for r in subject.requirements)


def _reaches_init(subject: Selector | None, policy: Policy, version: Version) -> bool:
    """Whether such a subject keeps the namespace from being added; since 1.16 only in clusterwide policies."""
    return names_init(subject) and (policy.namespace is None or version < INIT_NEEDS_CLUSTERWIDE)


def _node_term(selector: Selector, settings: Settings) -> LabelTerm:
    """A selector of from/toNodes (getNodeSelector)."""
    conditions = conditions_of(selector.requirements)
    if settings.version >= DEFAULT_LOCAL_CLUSTER:
        conditions.append(Condition(RESERVED, "remote-node", "Exists"))
    if settings.adds_local_cluster and not names_cluster(selector):
        conditions.append(_cluster(settings))
    return label_term(conditions)


def _cidr_rule_terms(rule: Mapping[str, Any], facts: Facts) -> Iterator[Term]:
    # Releases before 1.17 do not check deny rules: what does not parse there selects nothing.
    exceptions = parsed_prefixes(rule.get("except") or ())
    if rule.get("cidr"):
        yield from (CidrTerm(prefix, exceptions) for prefix in parsed_prefixes((rule["cidr"],)))
        return
    name = rule.get("cidrGroupRef")
    selector = None if name else read_selector(rule.get("cidrGroupSelector"), "")
    groups = [
        group
        for group in facts.cidr_groups
        if (group.name == name if name else selector is not None and selects_object(selector, group.labels))
    ]
    if not groups:
        text = str(name) if name else _canonical(rule.get("cidrGroupSelector") or {})
        text += "".join(f" except {prefix}" for prefix in exceptions)
        yield opaque_term(CIDR_GROUP, text)
    for group in groups:
        for prefix in group.prefixes:
            yield CidrTerm(prefix, exceptions)


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
