"""Sibling rules: a new item right after the rule that it comes from, and whether one says the same already."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from itertools import product, starmap

from rewriter.cilium.by_identity import ByIdentity
from rewriter.cilium.compile import Entry, PortGrant, compile_policy
from rewriter.cilium.policy import KNP, PEER_FIELDS, Policy, Rule, Spec, read_policy
from rewriter.cilium.settings import Settings
from rewriter.cilium.terms import Term
from rewriter.cilium.validation import rejection
from rewriter.cilium.version import Version
from rewriter.evidence.context import Context
from rewriter.evidence.mesh import mesh_known
from rewriter.finding import Operation
from rewriter.passes.kit.changes.covering import Covering, grant_covers, term_covers
from rewriter.passes.kit.changes.forms import Form

#: What a sibling rule shares with its original (`ports` in a NetworkPolicy).
SHARED_MEMBERS = ("toPorts", "icmps", "authentication", "ports")
_PEER_MEMBERS = frozenset({"from", "to", *PEER_FIELDS["ingress"], *PEER_FIELDS["egress"]})
#: A cluster's name where the policy's own is not known; no manifest can name it.
_UNKNOWN_CLUSTER = "(local)"


def sibling(rule: Rule, peers: Mapping[str, object]) -> Form:
    """A rule with these peers and the ports, ICMP types and authentication of another, members in its order."""
    peers = deepcopy(dict(peers))
    result: Form = {}
    for name, value in rule.raw.items():
        if name in _PEER_MEMBERS:
            result |= peers
        elif name in SHARED_MEMBERS:
            result[name] = deepcopy(value)
    return result if peers.keys() <= result.keys() else {**peers, **result}


def add_after(rule: Rule, siblings: Sequence[Mapping[str, object]]) -> tuple[Operation, ...]:
    """Operations that put rules right after one, in their order."""
    return tuple(
        {"op": "add", "path": f"{rule.list_route}/{rule.index + 1 + number}", "value": new}
        for number, new in enumerate(siblings)
    )


def replace_rule(rule: Rule, siblings: Sequence[Mapping[str, object]]) -> tuple[Operation, ...]:
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
    context: Context,
    rule: Rule,
    siblings: Iterable[Mapping[str, object]],
    *,
    besides: Iterable[Mapping[str, object]] = (),
) -> list[Form]:
    """The rules that no other rule of the list covers with the same or wider peers on the same or wider ports.

    `besides` are rules that count as others too.
    """
    spec = spec_of(context.policy, rule)
    direction = spec.raw.get(_list_name(rule))
    own = rule.index
    others = [raw for index, raw in enumerate(direction or ()) if index != own and isinstance(raw, dict)]
    listed, beside = Covering() if _is_alone(spec, rule) else _covering(context, spec, rule), Covering()
    for raw in besides:
        beside.add(rule.index + 1, _entries(context, spec, rule, raw))

    def says(peer: Term, grant: PortGrant) -> bool:
        return any(covering.covers_pair(peer, grant, but=rule.index) for covering in (listed, beside))

    def is_new(raw: Mapping[str, object]) -> bool:
        pairs = [pair for entry in _entries(context, spec, rule, raw) for pair in product(entry.peers, entry.ports)]
        return not pairs or not all(starmap(says, pairs))

    return [dict(raw) for raw in siblings if raw not in others and is_new(raw)]


def kept_by_others(context: Context, rule: Rule) -> bool:
    """Whether other rules of the list say on the target release all that a rule says on the source release."""
    spec = spec_of(context.policy, rule)
    if _is_alone(spec, rule):
        return False
    before = replace(context, to_version=context.from_version)
    return _covering(context, spec, rule).covers(_entries(before, spec, rule, rule.raw), but=rule.index)


def covered_by_others(context: Context, rule: Rule, wanted: Iterable[Entry]) -> bool:
    """Whether the other rules of the list say on the target release all that is wanted."""
    spec = spec_of(context.policy, rule)
    return not _is_alone(spec, rule) and _covering(context, spec, rule).covers(wanted, but=rule.index)


def spec_of(policy: Policy, rule: Rule) -> Spec:
    """The rule set that holds a rule of the policy."""
    return next(spec for spec in policy.specs if rule.route.startswith(f"{spec.route}/"))


def _is_alone(spec: Spec, rule: Rule) -> bool:
    return len(spec.raw.get(_list_name(rule)) or ()) == 1


def _list_name(rule: Rule) -> str:
    return rule.list_route.rsplit("/", 1)[1]


def single_rule_manifest(policy: Policy, spec: Spec, name: str, rules: Sequence[Mapping[str, object]]) -> Form:
    """A manifest of the same subject with these rules only, in the list of that name."""
    subject = _subject_name(policy, spec)
    return {
        "apiVersion": policy.raw.get("apiVersion"),
        "kind": policy.kind,
        "metadata": {"name": "rule", "namespace": policy.namespace},
        "spec": {subject: spec.raw.get(subject) or {}, name: list(rules)},
    }


def _subject_name(policy: Policy, spec: Spec) -> str:
    return "podSelector" if policy.kind == KNP else "nodeSelector" if spec.subject is None else "endpointSelector"


def _covering(context: Context, spec: Spec, rule: Rule) -> Covering:
    """What the rules of a list mean by themselves on the target release, by their places; worked out once."""
    key = ("covering", spec.route, _list_name(rule), _settings(context, context.to_version))
    found: Covering | None = context.policy.answers.get(key)
    if found is None:
        found = context.policy.answers[key] = Covering()
        policy = context.policy
        known = _ALONE.to((*key[2:], policy.kind, policy.namespace, context.to_version))
        for index, raw in enumerate(spec.raw.get(_list_name(rule)) or ()):
            if isinstance(raw, dict):
                found.add(index, _alone(known, context, spec, rule, raw))
    return found


_Known = dict[int, tuple[Mapping[str, object], tuple[object, tuple[Entry, ...]]]]
#: What rules mean by themselves, with the subject that they have.
_ALONE: ByIdentity[Mapping[str, object], tuple[object, tuple[Entry, ...]]] = ByIdentity()


def _alone(known: _Known, context: Context, spec: Spec, rule: Rule, raw: Mapping[str, object]) -> tuple[Entry, ...]:
    """As `_entries`, worked out once for a rule that the fixes of other rules leave as it is."""
    subject = spec.raw.get(_subject_name(context.policy, spec))
    found = known.get(id(raw))
    if found is None or found[1][0] is not subject:
        found = known[id(raw)] = raw, (subject, _entries(context, spec, rule, raw))
    return found[1][1]


def _entries(context: Context, spec: Spec, rule: Rule, raw: Mapping[str, object]) -> tuple[Entry, ...]:
    """What one rule means by itself on the target release; nothing where that release rejects it."""
    if rejection(single_rule_manifest(context.policy, spec, _list_name(rule), [raw]), context.to_version) is not None:
        return ()
    return entries_of(context, spec, rule, raw, context.to_version)


def entries_of(
    context: Context,
    spec: Spec,
    rule: Rule,
    raw: Mapping[str, object],
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
            any(grant_covers(other, grant) for other in entry.ports)
            and any(term_covers(other, peer) for other in entry.peers)
            for entry in others
        )
        for peer, grant in pairs
    )
