"""Whether a policy is enforced at all on a release, and what it denies and allows once it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import NamedTuple

from rewriter.cilium.digits import is_number
from rewriter.cilium.labels import NAMESPACE_LABEL, RESERVED, Label, LabelSet
from rewriter.cilium.policy import EGRESS, INGRESS, KNP, Policy, Rule, Spec
from rewriter.cilium.rule_validation import ACCEPTED
from rewriter.cilium.settings import AgentFlags, EnforcementMode
from rewriter.cilium.stretches import Stretch, stretches_of
from rewriter.cilium.validation import Rejection, decoding_rejection, rejection
from rewriter.cilium.version import ENABLE_DEFAULT_DENY, NODE_PEERS, SUPPORTED, Version
from rewriter.evidence.context import Context
from rewriter.evidence.placeholders import has_placeholder, policy_has_placeholder, substituted
from rewriter.evidence.workloads import subject_term, workloads_evidence, workloads_of
from rewriter.finding import FlowClaim
from rewriter.passes.kit.changes.claims import all_other, rules_flows
from rewriter.passes.kit.sides.neighbours import near
from rewriter.records import dataclass
from rewriter.text import join_names, policy_text, subject_text

#: Pods that are denied everything by default, whether a policy selects them or not.
_HEALTH = LabelSet([Label(RESERVED, "health")])
_INIT = LabelSet([Label(RESERVED, "init")])
_TYPES = {"Ingress": INGRESS, "Egress": EGRESS}
_NODES_ACCEPTED = AgentFlags(node_selector_labels=True)


def rejected(policy: Policy, version: Version, flags: AgentFlags = _NODES_ACCEPTED) -> Rejection | None:
    """Why a release rejects the policy; None where it is accepted, or where a `${PLACEHOLDER}` decides that.

    `flags` are those of the agents; unless given, they take rules that name nodes.
    """
    if not flags.node_selector_labels and not names_nodes(policy):
        flags = _with_nodes(flags)  # The agent's flag is about rules that name nodes.
    key = _key(version, flags)
    if key not in policy.answers:
        policy.answers[key] = _rejected(policy, version, flags)
    known: Rejection | None = policy.answers[key]
    return known


@cache
def _key(version: Version, flags: AgentFlags) -> tuple[object, ...]:
    """The question by which a policy's rejection is remembered: one object for all policies."""
    return ("rejected", version, flags)


@cache
def _with_nodes(flags: AgentFlags) -> AgentFlags:
    return flags._replace(node_selector_labels=True)


def rejected_today(context: Context) -> Rejection | None:
    """Why the source release rejects the policy in its cluster, and does not enforce it.

    That rules name nodes is no reason where it is unknown how the agents run: the pass `rejected` reports that.
    """
    return rejected(context.policy, context.from_version, context.flags)


def switched_on_by_upgrade(context: Context) -> bool:
    """Whether the policy is not enforced today and will be on the target release, as it is."""
    later = rejected(context.policy, context.to_version, context.flags)
    return later is None and rejected_today(context) is not None


def _rejected(policy: Policy, version: Version, flags: AgentFlags) -> Rejection | None:
    raw = policy.raw
    filled = filled_in(policy)
    if filled is raw:
        return rejection(raw, version, base=policy.route, flags=flags, accepted=ACCEPTED)
    reason = rejection(filled, version, base=policy.route, flags=flags)
    if reason is None:
        return None
    return reason if not _is_open(policy, reason) else _wrong_type(policy, version)


def _is_open(policy: Policy, reason: Rejection) -> bool:
    """Whether a release rejects what only the value of a placeholder decides."""
    culprit = value_at(policy, reason.route)[1]
    return isinstance(culprit, str) and has_placeholder(culprit)


def has_wrong_types(policy: Policy) -> bool:
    """Whether no supported release can decode the policy: some value has a type that its field never takes.

    The API server refuses such a manifest, so that no cluster enforces it; what `${PLACEHOLDER}`s decide is left open.
    """
    key = ("wrong types",)
    if key not in policy.answers:
        policy.answers[key] = all(_wrong_type(policy, version) is not None for version in SUPPORTED)
    known: bool = policy.answers[key]
    return known


def unknown_part(policy: Policy, version: Version) -> str:
    """A placeholder that stands for a mapping, list, number or switch of the policy, so for what is unknown; empty
    where each stands for a text.
    """
    reason = (
        decoding_rejection(filled_in(policy), version, base=policy.route) if filled_in(policy) != policy.raw else None
    )
    return str(value_at(policy, reason.route)[1]) if reason is not None and _is_open(policy, reason) else ""


def _wrong_type(policy: Policy, version: Version) -> Rejection | None:
    """The first value that a release cannot decode, whatever the placeholders stand for."""
    manifest = filled_in(policy)
    while (reason := decoding_rejection(manifest, version, base=policy.route)) is not None and _is_open(policy, reason):
        # Another value behind the placeholder may be of the wrong type; without a value every field decodes.
        emptied = _emptied(manifest, reason.route.removeprefix(policy.route).split("/")[1:])
        if emptied == manifest or not isinstance(emptied, dict):
            return None
        manifest = emptied
    return reason


def _emptied(value: object, route: Sequence[str]) -> object:
    """A value with null at a route (the tokens of a JSON pointer); as it is where the route leads nowhere."""
    if not route:
        return None
    token = route[0].replace("~1", "/").replace("~0", "~")
    if isinstance(value, dict) and token in value:
        return {**value, token: _emptied(value[token], route[1:])}
    if isinstance(value, list) and is_number(token) and int(token) < len(value):
        index = int(token)
        return [*value[:index], _emptied(value[index], route[1:]), *value[index + 1 :]]
    return value


def names_nodes(policy: Policy) -> bool:
    """Whether a rule has nodes as peers."""
    key = ("names nodes",)
    if key not in policy.answers:
        stretches = (stretch for spec in policy.specs for stretch in stretches_of(spec.rules))
        policy.answers[key] = any(map(_names_nodes, stretches))
    return bool(policy.answers[key])


def _names_nodes(rules: Stretch[Rule]) -> bool:
    key = ("names nodes",)
    if key not in rules.answers:
        rules.answers[key] = any(rule.raw.get("fromNodes") or rule.raw.get("toNodes") for rule in rules)
    return bool(rules.answers[key])


def rests_on_node_labels(policy: Policy, version: Version) -> bool:
    """Whether a release enforces the policy only where its agents run with enable-node-selector-labels.

    Off by default. Where it is unknown, the policy counts as rejected, and a fix of it might open more than its finding
    can state: it is not rewritten.
    """
    return names_nodes(policy) and version >= NODE_PEERS


def filled_in(policy: Policy) -> Mapping[str, object]:
    """The manifest with something that fits for each placeholder; itself where there is none."""
    key = ("filled in",)
    if key not in policy.answers:
        policy.answers[key] = substituted(policy.raw) if policy_has_placeholder(policy) else policy.raw
    filled: Mapping[str, object] = policy.answers[key]
    return filled


def value_at(policy: Policy, route: str) -> tuple[str, object]:
    """As much of a route as is in the manifest, and what stands there."""
    value: object = policy.raw
    reached = policy.route
    for token in route.removeprefix(policy.route).split("/")[1:]:
        name = token.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and name in value:
            value = value[name]
        elif isinstance(value, list) and is_number(name) and int(name) < len(value):
            value = value[int(name)]
        else:
            break
        reached += f"/{token}"
    return reached, value


def upgrades(context: Context) -> Sequence[Version]:
    """The releases of the upgrade, the first and the last included."""
    return [version for version in SUPPORTED if context.from_version <= version <= context.to_version]


def always_enforced(context: Context) -> bool:
    """Whether every pod is in default deny, also one that no policy selects (policyEnforcementMode: always)."""
    return context.cluster is not None and context.cluster.enforcement == EnforcementMode.ALWAYS


def denies_more(context: Context, spec: Spec) -> bool:
    """Whether default deny by a rule set shuts anything that the agents do not shut already.

    Where they deny to all pods (policyEnforcementMode: always), the node and its health endpoint stay open.
    """
    if not always_enforced(context) or spec.node_subject is not None:
        return True
    return context.policy.clusterwide and spec.subject is not None and spec.subject.selects(_HEALTH)


def default_denies(context: Context) -> tuple[str, ...]:
    """What is denied by default once the policy is enforced, and is not yet: `ingress of pods app=db in prod`."""
    if always_enforced(context):
        return ()
    return tuple(
        f"{join_names(directions)} of {subject_text(context.policy, spec)}"
        for spec in context.policy.specs
        if (directions := _denied_directions(spec, context.to_version))
    )


def subject_evidence(context: Context) -> tuple[str, ...]:
    """The known workloads that the policy applies to, one line each."""
    found = []
    for spec in context.policy.specs:
        term = subject_term(context.policy, spec)
        workloads = workloads_of(context, term) if term is not None and context.namespace_known else ()
        own = context.cluster.name if context.cluster else None
        found += [workload for workload in workloads or () if own is None or workload.cluster in (None, own)]
    lines = workloads_evidence(found)
    return tuple(line if line.startswith("and ") else f"applies to {line}" for line in lines)


@dataclass(frozen=True, slots=True)
class FlowChanges:
    """What happens to traffic when a policy that is not enforced today begins to be: in words, with evidence."""

    opens: tuple[FlowClaim, ...] = ()
    closes: tuple[FlowClaim, ...] = ()
    evidence: tuple[str, ...] = ()


def switched_on(context: Context) -> FlowChanges:
    """What changes once a policy is enforced that is not today.

    It closes what it denies, by default or by rule, and as long as the source release is there also what that denies by
    default and the target release does not. It opens what it allows only where its pods are denied by default
    today: those that another policy selects, those without an identity, and all where the agents deny to all.
    """
    policy, always = context.policy, always_enforced(context)
    opens: list[FlowClaim] = []
    closes: list[FlowClaim] = []
    witnesses: list[Policy] = []
    for spec in policy.specs:
        subject = subject_text(policy, spec)
        lasting = _directions(policy, spec, context.to_version)
        for direction in () if always else _directions(policy, spec, context.from_version):
            unread = f" until the upgrade, since Cilium {context.from_version} does not read enableDefaultDeny"
            words = f"all other {direction} of {subject}{'' if direction in lasting else unread}"
            closes.append(all_other(words, spec, direction))
        for direction in (INGRESS, EGRESS):
            denying = [r for r in spec.rules if r.deny and r.direction == direction and not r.selects_nobody]
            if denying:
                words = f"{direction} of {subject} that the deny rules name"
                closes.append(rules_flows(words, spec, direction, denying))
            allowing = [rule for rule in spec.rules if rule.direction == direction and _allows(rule)]
            if allowing and _selects_init(policy, spec):
                words = f"{direction} of pods without an identity yet (init) that the rules of the policy allow"
                opens.append(rules_flows(words, spec, direction, allowing))
            others = list(_denying(policy, spec, direction, _upgrade(context))) if allowing else []
            if others or (always and allowing):
                words = f"{direction} of {subject} that the rules of the policy allow"
                opens.append(rules_flows(words, spec, direction, allowing))
                witnesses += others
    evidence = [f"{policy_text(other)} applies to the same pods" for other in witnesses]
    if always and opens and context.cluster is not None:
        place = context.cluster.source_of("enforcement")
        evidence.insert(0, f"policyEnforcementMode: always, {place}: pods are in default deny already")
    return FlowChanges(tuple(opens), tuple(closes), (*dict.fromkeys(evidence), *subject_evidence(context)))


def denied_today(context: Context, spec: Spec, direction: str) -> bool:
    """Whether pods of a rule set may be denied by default though its policy is not enforced."""
    policy = context.policy
    if always_enforced(context) or _selects_init(policy, spec):
        return True
    return any(True for _ in _denying(policy, spec, direction, _upgrade(context)))


def _selects_init(policy: Policy, spec: Spec) -> bool:
    return policy.clusterwide and spec.subject is not None and spec.subject.selects(_INIT)


def other_policies(context: Context) -> Iterator[Policy]:
    """The policies of the same cluster beside the context's own."""
    return _besides(context.policy, context.others())


def denied_by_others(policy: Policy, others: Sequence[Policy], source: Version, target: Version) -> tuple[str, ...]:
    """The directions in which another policy in force today may deny pods of a policy by default."""
    upgrade = _Upgrade(others, source, target)
    return tuple(
        direction
        for direction in (INGRESS, EGRESS)
        if any(True for spec in policy.specs for _ in _denying(policy, spec, direction, upgrade))
    )


def without_default_deny(policy: Policy) -> tuple[str, ...]:
    """The directions in which a rule set of a policy does not deny by default: there its rules only add to others'."""
    chosen = [spec.raw.get("enableDefaultDeny") for spec in policy.specs]
    return tuple(
        direction
        for direction in (INGRESS, EGRESS)
        if any(isinstance(written, dict) and written.get(direction) is False for written in chosen)
    )


def _besides(own: Policy, policies: Iterable[Policy]) -> Iterator[Policy]:
    for policy in policies:
        if (policy.kind, policy.namespace, policy.name) != (own.kind, own.namespace, own.name):
            yield policy


def may_share_pods(policy: Policy, spec: Spec, other: Policy, other_spec: Spec) -> bool:
    """Whether two rule sets may apply to one pod: not where they demand different values of a label.

    Cilium writes a policy's own namespace over one that its subject names, so that such a one distinguishes no pods.
    """
    if policy.namespace and other.namespace and policy.namespace != other.namespace:
        return False
    one, two = spec.subject, other_spec.subject
    if one is None or two is None:
        return one is two
    overwritten = policy.namespace or other.namespace
    return not any(
        first.key == second.key
        and not (overwritten and first.key == NAMESPACE_LABEL)
        and first.operator == second.operator == "In"
        and not set(first.values) & set(second.values)
        for first in one.requirements
        for second in two.requirements
    )


def _allows(rule: Rule) -> bool:
    if rule.deny or rule.selects_nobody:
        return False
    return any(field.entries for field in rule.peers) or any(map(rule.raw.get, ("toPorts", "icmps", "ports")))


class _Upgrade(NamedTuple):
    others: Sequence[Policy]
    source: Version
    target: Version


def _upgrade(context: Context) -> _Upgrade:
    return _Upgrade(context.others(), context.from_version, context.to_version)


def _denying(policy: Policy, spec: Spec, direction: str, upgrade: _Upgrade) -> Iterator[Policy]:
    """The other policies in force today that put pods of the rule set into default deny."""
    for other in _besides(policy, near(upgrade.others, [policy])):
        if any(
            may_share_pods(policy, spec, other, theirs) and direction in _directions(other, theirs, upgrade.source)
            for theirs in other.specs
        ) and not rejected(other, upgrade.source):
            yield other


def _directions(policy: Policy, spec: Spec, version: Version) -> Sequence[str]:
    if policy.kind != KNP:
        return _denied_directions(spec, version)
    types = spec.raw.get("policyTypes")
    if isinstance(types, list) and types:
        return [_TYPES[name] for name in types if name in _TYPES]
    return [INGRESS, *({EGRESS} & {rule.direction for rule in spec.rules})]


def _denied_directions(spec: Spec, version: Version) -> list[str]:
    written = spec.raw.get("enableDefaultDeny") if version >= ENABLE_DEFAULT_DENY else None
    chosen = written if isinstance(written, dict) else {}
    present = {rule.direction for rule in spec.rules}
    return [name for name in (INGRESS, EGRESS) if name in present and chosen.get(name) is not False]
