"""What deny rules leave of the allow rules of the same pods."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from rewriter.cilium.cidr import AddressError, Prefix, parse_prefix
from rewriter.cilium.labels import CLUSTER_LABEL, NAMESPACE_LABEL, RESERVED
from rewriter.cilium.nodes import DefaultDeny
from rewriter.cilium.policy import CCNP, EGRESS, INGRESS, Rule, Spec
from rewriter.cilium.ports import ANY_PROTOCOL, EVERYTHING, PortMatch
from rewriter.cilium.terms import ANYTHING, CidrTerm, LabelTerm, Term
from rewriter.evidence.context import Context
from rewriter.evidence.policies import AppliedRule
from rewriter.evidence.reachable import Reach
from rewriter.evidence.workloads import matches, subject_term
from rewriter.finding import Applicability, Finding, Severity
from rewriter.passes.kit.changes.coverage import covered
from rewriter.passes.kit.changes.report import report
from rewriter.text import join_names, subject_text


def deny_rules_of(spec: Spec, direction: str) -> list[Rule]:
    return [rule for rule in spec.rules if rule.deny and rule.direction == direction and not rule.selects_nobody]


def allows(rule: AppliedRule) -> bool:
    return not rule.entry.deny and bool(rule.entry.peers) and bool(rule.entry.ports)


def selects_no_pod(context: Context, spec: Spec) -> bool:
    """Whether no pod is under the rule set for certain: the pass unselected-subject reports that."""
    term = subject_term(context.policy, spec)
    found = matches(context, term) if term is not None else None
    return found is not None and not found.workloads and found.certain


def pods_cut_off(context: Context, spec: Spec, reaches: Sequence[Reach], direction: str) -> list[Reach]:
    """The pods that only the deny rules of a rule set put into default deny, and that no policy lets through."""
    denying = deny_rules_of(spec, direction)
    written = spec.default_deny
    decided = isinstance(written, DefaultDeny) and direction in written.members
    if not denying or decided or len(denying) < sum(rule.direction == direction for rule in spec.rules):
        return []
    if any(denies_all(context, rule) for rule in denying):
        return []
    if selects_no_pod(context, spec) or any(reach.settings.denies_everybody for reach in reaches):
        return []  # Of no pod, or of pods that are in default deny without them.
    found = []
    for reach in reaches:
        rules = [*reach.rules(direction), *(rule for rule in reach.possible if rule.entry.direction == direction)]
        others = [rule for rule in rules if not is_of(rule, context, spec)]
        if not any(allows(rule) or rule.entry.default_deny for rule in others):
            found.append(reach)
    return found


def is_of(rule: AppliedRule, context: Context, spec: Spec) -> bool:
    same = (rule.policy.kind, rule.policy.namespace, rule.policy.name)
    own = (context.policy.kind, context.policy.namespace, context.policy.name)
    return same == own and rule.entry.route.startswith(f"{spec.route}/")


def denies_all(context: Context, rule: Rule) -> bool:
    """Whether a deny rule names everything: it is a lockdown, not the one thing that it denies."""
    if rule.raw.get("toPorts") or rule.raw.get("icmps"):
        return False
    field = next((field for field in rule.peers if field.entries), None)
    if field is None:
        return False
    everywhere = context.policy.kind == CCNP and any(s is not None and not s.requirements for s in field.selectors)
    return everywhere or "all" in field.entries


def dead_allow_rules(spec: Spec, reaches: Iterable[Reach]) -> dict[str, list[AppliedRule]]:
    """The allow rules of the same pods that a deny of everything in the rule set makes void, by direction."""
    dead: dict[str, list[AppliedRule]] = {}
    for reach in reaches:
        for direction in (INGRESS, EGRESS):
            total = [rule for rule in reach.rules(direction) if _is_total(rule, spec)]
            allowing = [rule for rule in reach.rules(direction) if allows(rule)]
            void = (
                [rule for rule in allowing if covered([rule.entry], [applied.entry for applied in total])]
                if total
                else []
            )
            if void:
                dead.setdefault(direction, []).extend(void)
    return dead


def _is_total(rule: AppliedRule, spec: Spec) -> bool:
    """Whether a rule of the rule set denies every port to everything, or to every pod."""
    of_spec = rule.rule is not None and any(rule.rule is other for other in spec.rules)
    every_port = any(grant.match == EVERYTHING for grant in rule.entry.ports)
    return of_spec and rule.entry.deny and every_port and any(map(_is_everybody, rule.entry.peers))


def _is_everybody(term: Term) -> bool:
    if not isinstance(term, LabelTerm):
        return False
    # With a default local cluster, every pod means those of the own one; `covered` says whether that is enough.
    conditions = [(c.key, c.operator) for c in term.conditions if c.key != CLUSTER_LABEL]
    return term == ANYTHING or conditions == [(NAMESPACE_LABEL, "Exists")]


def lost_exceptions(
    context: Context, spec: Spec, reaches: Sequence[Reach], cut_off: Mapping[str, Sequence[Reach]]
) -> Iterator[Finding]:
    for rule in spec.rules:
        field = rule.peer("fromCIDRSet") or rule.peer("toCIDRSet") if rule.deny else None
        if field is None or rule.direction in cut_off:
            continue
        for index, entry in enumerate(field.entries):
            for number, written in enumerate(_written_exceptions(entry)):
                lost = [reach for reach in reaches if _is_lost(reach, rule.direction, written)]
                if lost:
                    yield _exception(context, spec, f"{field.entry_route(index)}/except/{number}", written, lost)


def _written_exceptions(entry: object) -> list[str]:
    items = entry.get("except") if isinstance(entry, dict) else None
    return [item for item in items if isinstance(item, str)] if isinstance(items, list) else []


def _is_lost(reach: Reach, direction: str, written: str) -> bool:
    try:
        prefix = parse_prefix(written)
    except AddressError:
        return False
    rules = [*reach.rules(direction), *(rule for rule in reach.possible if rule.entry.direction == direction)]
    return reach.denied_by_default(direction) and not any(
        _may_reach(peer, prefix) for rule in rules if allows(rule) for peer in rule.entry.peers
    )


def _may_reach(term: Term, prefix: Prefix) -> bool:
    """Whether an allowed peer may be one of the addresses; a DNS name may be."""
    if isinstance(term, CidrTerm):
        return term.prefix.contains(prefix) or prefix.contains(term.prefix)
    if isinstance(term, LabelTerm):
        return not term.conditions or any(c.source == RESERVED and c.key == "world" for c in term.conditions)
    return True


def _exception(context: Context, spec: Spec, route: str, written: str, lost: Sequence[Reach]) -> Finding:
    return report(
        context,
        route,
        Applicability.MANUAL,
        f"`except` {written} allows nothing: no allow rule for {subject_text(context.policy, spec)} covers it",
        "a deny rule does not deny its exceptions and does not allow them either: in default deny Cilium drops what no "
        "rule allows",
        severity=Severity.NOTE,
        evidence=workload_lines(lost),
        advice="allow it with a rule of its own if it is meant to pass",
    )


def own_namespace_lost(context: Context, spec: Spec, reaches: Sequence[Reach]) -> Iterator[Finding]:
    for rule in spec.rules:
        field = rule.peer("fromEndpoints") or rule.peer("toEndpoints") if rule.deny else None
        every_pod = field is not None and any(s is not None and not s.requirements for s in field.selectors)
        if field is None or not every_pod or len(field.entries) > 1:
            continue
        passing = [applied for reach in reaches for applied in _passing(reach, rule)]
        if passing:
            yield _still_passing(context, spec, rule, field.entry_route(0), passing)


def _passing(reach: Reach, rule: Rule) -> list[AppliedRule]:
    """The clusterwide rules that let others than the pods of the namespace through, on ports that the rule denies."""
    own = next((applied.entry for applied in reach.rules(rule.direction) if applied.rule is rule), None)
    if own is None:
        return []
    return [
        applied
        for applied in reach.rules(rule.direction)
        if applied.policy.kind == CCNP
        and allows(applied)
        and any(_share_ports(one.match, other.match) for one in own.ports for other in applied.entry.ports)
        and not covered([applied.entry], [own])
    ]


def _share_ports(one: PortMatch, other: PortMatch) -> bool:
    if EVERYTHING in (one, other):
        return True
    if one.protocol != other.protocol and ANY_PROTOCOL not in (one.protocol, other.protocol):
        return False
    if one.name or other.name:
        return one.name == other.name
    return one.low <= other.high and other.low <= one.high


def _still_passing(context: Context, spec: Spec, rule: Rule, route: str, passing: Sequence[AppliedRule]) -> Finding:
    policies = list(dict.fromkeys(str(applied) for applied in passing))
    way = "from" if rule.direction == INGRESS else "to"
    return report(
        context,
        route,
        Applicability.MANUAL,
        f"`{{}}` denies the pods of {context.policy.namespace} only; other peers of "
        f"{subject_text(context.policy, spec)} still pass by {join_names(policies)}",
        f"in a namespaced policy a selector without a namespace means its own; traffic {way} other namespaces is not "
        "denied here",
        severity=Severity.NOTE,
        evidence=policies[:5],
        advice=f"name `{way}Entities: [all]` or the namespaces that are meant, if more is to be denied",
    )


def workload_lines(reaches: Iterable[Reach]) -> tuple[str, ...]:
    known = [reach.workload for reach in reaches if reach.workload]
    lines = [f"selects {workload}, {workload.source}" for workload in known[:6]]
    return (*lines, *((f"and {len(known) - 6} more workloads",) if len(known) > 6 else ()))
