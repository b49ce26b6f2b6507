"""Sibling rules: a new item right after the rule that it comes from, and whether one says the same already."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from itertools import product
from typing import Any

from rewriter.cilium.compile import Entry, PortGrant, compile_policy
from rewriter.cilium.labels import ANY, CLUSTER_LABEL, K8S, NAMESPACE_LABEL
from rewriter.cilium.policy import KNP, PEER_FIELDS, Policy, Rule, Spec, read_policy
from rewriter.cilium.ports import ANY_PROTOCOL, EVERYTHING, PORT_PROTOCOLS, PortMatch
from rewriter.cilium.settings import Settings
from rewriter.cilium.terms import CidrTerm, Condition, LabelTerm, Term
from rewriter.cilium.validation import rejection
from rewriter.cilium.version import Version
from rewriter.evidence.context import Context
from rewriter.evidence.mesh import mesh_known
from rewriter.finding import Operation

#: What a sibling rule shares with its original (`ports` in a NetworkPolicy).
SHARED_MEMBERS = ("toPorts", "icmps", "authentication", "ports")
_PEER_MEMBERS = frozenset({"from", "to", *PEER_FIELDS["ingress"], *PEER_FIELDS["egress"]})
#: A cluster's name where the policy's own is not known; no manifest can name it.
_UNKNOWN_CLUSTER = "(local)"


def sibling(rule: Rule, peers: Mapping[str, Any]) -> dict[str, Any]:
    """A rule with these peers and the ports, ICMP types and authentication of another, members in its order."""
    peers = deepcopy(dict(peers))
    result: dict[str, Any] = {}
    for name, value in rule.raw.items():
        if name in _PEER_MEMBERS:
            result |= peers
        elif name in SHARED_MEMBERS:
            result[name] = deepcopy(value)
    return result if peers.keys() <= result.keys() else {**peers, **result}


def add_after(rule: Rule, siblings: Sequence[Mapping[str, Any]]) -> tuple[Operation, ...]:
    """Operations that put rules right after one, in their order."""
    return tuple(
        {"op": "add", "path": f"{rule.list_route}/{rule.index + 1 + number}", "value": new}
        for number, new in enumerate(siblings)
    )


def replace_rule(rule: Rule, siblings: Sequence[Mapping[str, Any]]) -> tuple[Operation, ...]:
    """Operations that put rules in the place of one, which keeps its comments; with none, that take it away.

    Take a rule away only where its list holds another: an empty list no longer denies by default.
    """
    if not siblings:
        return ({"op": "remove", "path": rule.route},)
    return ({"op": "replace", "path": rule.route, "value": siblings[0]}, *add_after(rule, siblings[1:]))


def remove_entries(route: str, indexes: Iterable[int]) -> tuple[Operation, ...]:
    """Operations that take items out of a list, from the last to the first. Leave at least one."""
    return tuple({"op": "remove", "path": f"{route}/{index}"} for index in sorted(set(indexes), reverse=True))


def uncovered_rules(
    context: Context, rule: Rule, siblings: Iterable[Mapping[str, Any]], *, besides: Iterable[Mapping[str, Any]] = ()
) -> list[dict[str, Any]]:
    """The rules that no other rule of the list covers with the same or wider peers on the same or wider ports.

    `besides` are rules that count as others too.
    """
    spec = spec_of(context.policy, rule)
    direction = spec.raw.get(_list_name(rule))
    others = [raw for index, raw in enumerate(direction or ()) if index != rule.index and isinstance(raw, dict)]
    covering = _of_list(context, spec, rule, others)
    covering += [entry for raw in besides for entry in _entries(context, spec, rule, raw)]
    new = [raw for raw in siblings if raw not in others]
    return [dict(raw) for raw in new if not covered(_entries(context, spec, rule, raw), covering)]


def kept_by_others(context: Context, rule: Rule) -> bool:
    """Whether other rules of the list say on the target release all that a rule says on the source release."""
    covering = entries_of_others(context, rule)
    before = replace(context, to_version=context.from_version)
    return bool(covering) and covered(_entries(before, spec_of(context.policy, rule), rule, rule.raw), covering)


def entries_of_others(context: Context, rule: Rule) -> list[Entry]:
    """What the other rules of the list mean on the target release."""
    spec = spec_of(context.policy, rule)
    items = spec.raw.get(_list_name(rule)) or ()
    others = [raw for index, raw in enumerate(items) if index != rule.index and isinstance(raw, dict)]
    return _of_list(context, spec, rule, others)


def spec_of(policy: Policy, rule: Rule) -> Spec:
    """The rule set that holds a rule of the policy."""
    return next(spec for spec in policy.specs if rule.route.startswith(f"{spec.route}/"))


def _list_name(rule: Rule) -> str:
    return rule.list_route.rsplit("/", 1)[1]


def single_rule_manifest(policy: Policy, spec: Spec, name: str, rules: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A manifest of the same subject with these rules only, in the list of that name."""
    subject = "podSelector" if policy.kind == KNP else "nodeSelector" if spec.subject is None else "endpointSelector"
    return {
        "apiVersion": policy.raw.get("apiVersion"),
        "kind": policy.kind,
        "metadata": {"name": "rule", "namespace": policy.namespace},
        "spec": {subject: spec.raw.get(subject) or {}, name: list(rules)},
    }


def _of_list(context: Context, spec: Spec, rule: Rule, raws: Iterable[Mapping[str, Any]]) -> list[Entry]:
    """What rules of the policy mean by themselves on the target release; each worked out once for all its questions."""
    key = ("alone", spec.route, _list_name(rule), _settings(context, context.to_version))
    known: dict[int, tuple[Entry, ...]] = context.policy.answers.setdefault(key, {})
    found: list[Entry] = []
    for raw in raws:
        if id(raw) not in known:
            known[id(raw)] = _entries(context, spec, rule, raw)
        found += known[id(raw)]
    return found


def _entries(context: Context, spec: Spec, rule: Rule, raw: Mapping[str, Any]) -> tuple[Entry, ...]:
    """What one rule means by itself on the target release; nothing where that release rejects it."""
    if rejection(single_rule_manifest(context.policy, spec, _list_name(rule), [raw]), context.to_version) is not None:
        return ()
    return entries_of(context, spec, rule, raw, context.to_version)


def entries_of(
    context: Context,
    spec: Spec,
    rule: Rule,
    raw: Mapping[str, Any],
    version: Version,
    *,
    every_cluster: bool = False,
) -> tuple[Entry, ...]:
    """What a rule in the place of another means by itself on a release, also where that release rejects it.

    With `every_cluster` a selector that names no cluster means all of them, whatever the release adds.
    """
    manifest = single_rule_manifest(context.policy, spec, _list_name(rule), [raw])
    return compile_policy(read_policy(manifest), _settings(context, version, every_cluster=every_cluster))


def _settings(context: Context, version: Version, *, every_cluster: bool = False) -> Settings:
    cluster = context.cluster.name if context.cluster else _UNKNOWN_CLUSTER
    default_local = context.default_local_cluster(version) and mesh_known(context.inventory, context.config)
    return Settings(version, local_cluster=cluster, default_local_cluster=default_local and not every_cluster)


def covered(wanted: Iterable[Entry], others: Sequence[Entry]) -> bool:
    """Whether each peer and port that is wanted is in one of the others. What allows nothing is not covered."""
    pairs = [pair for entry in wanted for pair in product(entry.peers, entry.ports)]
    return bool(pairs) and all(
        any(
            any(_term_covers(other, peer) for other in entry.peers)
            and any(_grant_covers(other, grant) for other in entry.ports)
            for entry in others
        )
        for peer, grant in pairs
    )


def _term_covers(wide: Term, narrow: Term) -> bool:
    if isinstance(wide, LabelTerm):
        if not wide.conditions:
            return True
        conditions = narrow.conditions if isinstance(narrow, LabelTerm) else ()
        return all(any(_implies(given, needed) for given in conditions) for needed in wide.conditions)
    if isinstance(wide, CidrTerm) and isinstance(narrow, CidrTerm):
        excepted = all(any(other.contains(one) for other in narrow.exceptions) for one in wide.exceptions)
        return wide.prefix.contains(narrow.prefix) and excepted
    return wide == narrow


def _implies(given: Condition, needed: Condition) -> bool:
    if given.key != needed.key or _source(needed) not in (ANY, _source(given)):
        return False
    match needed.operator:
        case "In":
            return given.operator == "In" and set(given.values) <= set(needed.values)
        case "Exists":
            return given.operator in ("In", "Exists")
        case "NotIn":
            if given.operator == "In":
                return not set(given.values) & set(needed.values)
            return given.operator == "DoesNotExist" or (
                given.operator == "NotIn" and set(needed.values) <= set(given.values)
            )
        case _:
            return given.operator == "DoesNotExist"


def _source(condition: Condition) -> str:
    """The source of a key; Cilium's own are `k8s` however they are written."""
    return K8S if condition.key in (NAMESPACE_LABEL, CLUSTER_LABEL) else condition.source


def _grant_covers(wide: PortGrant, narrow: PortGrant) -> bool:
    return wide.limits in ((), narrow.limits) and _ports_cover(wide.match, narrow.match)


def _ports_cover(wide: PortMatch, narrow: PortMatch) -> bool:
    if wide == EVERYTHING:
        return True
    if wide.protocol != narrow.protocol and not (wide.protocol == ANY_PROTOCOL and narrow.protocol in PORT_PROTOCOLS):
        return False
    if wide.name or narrow.name:
        return wide.name == narrow.name or (not wide.name and (wide.low, wide.high) == (0, EVERYTHING.high))
    return wide.low <= narrow.low and narrow.high <= wide.high
