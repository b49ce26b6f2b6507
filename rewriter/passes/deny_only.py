"""## What it does

Finds deny rules that shut more, or less, than they say.

- A rule set with deny rules and no allow rule in a direction, whose pods no other policy lets through.
- A deny of everything beside policies that allow something to the same pods.
- An `except` of a deny rule that no allow rule covers.
- A `{}` in a deny rule of one namespace, while a clusterwide policy lets the other namespaces in.

## Why it matters

A deny rule puts the pods that it selects into default deny for its direction, as an allow rule does. Pods that nothing
else lets through then lose every connection of that direction, DNS included, and not only the one that is denied. A
deny beats every allow, however narrow: a deny of everything is no default deny, but makes all allow rules of its pods
void. An `except` only leaves addresses out of the deny; it allows none. In a CiliumNetworkPolicy, `{}` means the pods
of its own namespace only.

## Example

```diff
   endpointSelector: {}
+  enableDefaultDeny:
+    egress: false
   egressDeny:
     - toCIDR:
         - 169.254.169.254/32
```

## Fix safety

`enableDefaultDeny: false` opens all that the policy does not deny, to pods that no policy lets through today. A deny of
everything becomes a default deny (`ingress: [{}]`), which opens what other policies allow. Both are unsafe: the author
may mean the lockdown. Nothing is reported where `enableDefaultDeny` is written, where another policy denies by default
on the same pods, or where a policy that may allow something could not be read. The last two kinds of finding have no
fix.

## References

- Cilium documentation, "Policy Enforcement Modes", "Deny Policies" and "Rule Basics"
- Cilium source, `pkg/policy/repository.go`, `pkg/policy/api/rule.go`
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rewriter.cilium.cidr import AddressError, Prefix, parse_prefix
from rewriter.cilium.labels import CLUSTER_LABEL, NAMESPACE_LABEL, RESERVED
from rewriter.cilium.policy import CCNP, CNP, EGRESS, INGRESS, Rule, Spec
from rewriter.cilium.ports import ANY_PROTOCOL, EVERYTHING, PortMatch
from rewriter.cilium.terms import ANYTHING, CidrTerm, LabelTerm, Term
from rewriter.evidence.context import Context
from rewriter.evidence.policies import AppliedRule
from rewriter.evidence.reachable import Reach, reach_of
from rewriter.evidence.workloads import matches, subject_term
from rewriter.finding import Applicability, Finding, FlowClaim, Operation, Severity
from rewriter.passes.kit.change import Change
from rewriter.passes.kit.claims import all_other
from rewriter.passes.kit.coverage import covered
from rewriter.passes.kit.registry import antipattern
from rewriter.passes.kit.report import report
from rewriter.text import join_names, subject_text


@antipattern(code="CNP023", id="deny-only", title="deny rules that shut more, or less, than they say")
def find(context: Context) -> Iterator[Finding]:
    for spec in context.policy.specs:
        if not any(rule.deny and not rule.selects_nobody for rule in spec.rules):
            continue
        reaches = reach_of(context, spec)
        if not reaches or any(reach.hidden for reach in reaches):
            continue
        dead = _dead_allows(spec, reaches)
        if dead:
            yield _deny_ofall_other(context, spec, dead)
            continue
        cut_off = {each: found for each in (INGRESS, EGRESS) if (found := _cut_off(context, spec, reaches, each))}
        if cut_off:
            yield _default_deny(context, spec, cut_off)
        yield from _exceptions(context, spec, reaches, cut_off)
        if context.policy.kind == CNP:
            yield from _own_namespace(context, spec, reaches)


def _denying(spec: Spec, direction: str) -> list[Rule]:
    return [rule for rule in spec.rules if rule.deny and rule.direction == direction and not rule.selects_nobody]


def _allows(rule: AppliedRule) -> bool:
    return not rule.entry.deny and bool(rule.entry.peers) and bool(rule.entry.ports)


def _cut_off(context: Context, spec: Spec, reaches: Sequence[Reach], direction: str) -> list[Reach]:
    """The pods that only the deny rules of a rule set put into default deny, and that no policy lets through."""
    denying = _denying(spec, direction)
    written = spec.raw.get("enableDefaultDeny")
    decided = isinstance(written, dict) and direction in written
    if not denying or decided or len(denying) < sum(rule.direction == direction for rule in spec.rules):
        return []
    if any(_denies_all(context, rule) for rule in denying):
        return []
    if _selects_nobody(context, spec):
        return []
    found = []
    for reach in reaches:
        rules = [*reach.rules(direction), *(rule for rule in reach.possible if rule.entry.direction == direction)]
        others = [rule for rule in rules if not _is_of(rule, context, spec)]
        if not any(_allows(rule) or rule.entry.default_deny for rule in others):
            found.append(reach)
    return found


def _selects_nobody(context: Context, spec: Spec) -> bool:
    """Whether no pod is under the rule set for certain: the pass unselected-subject speaks of that."""
    term = subject_term(context.policy, spec)
    found = matches(context, term) if term is not None else None
    return found is not None and not found.workloads and found.certain


def _is_of(rule: AppliedRule, context: Context, spec: Spec) -> bool:
    same = (rule.policy.kind, rule.policy.namespace, rule.policy.name)
    own = (context.policy.kind, context.policy.namespace, context.policy.name)
    return same == own and rule.entry.route.startswith(f"{spec.route}/")


def _denies_all(context: Context, rule: Rule) -> bool:
    """Whether a deny rule names everything: it is a lockdown, not the one thing that it denies."""
    if rule.raw.get("toPorts") or rule.raw.get("icmps"):
        return False
    field = next((field for field in rule.peers if field.entries), None)
    if field is None:
        return False
    everywhere = context.policy.kind == CCNP and any(s is not None and not s.requirements for s in field.selectors)
    return everywhere or "all" in field.entries


def _default_deny(context: Context, spec: Spec, cut_off: Mapping[str, Sequence[Reach]]) -> Finding:
    directions = join_names(cut_off)
    pods = list({reach.identity.name: reach for found in cut_off.values() for reach in found}.values())
    known = join_names((str(reach.workload) for reach in pods if reach.workload), most=4)
    subject = known or subject_text(context.policy, spec)
    written = spec.raw.get("enableDefaultDeny")
    chosen = dict.fromkeys(cut_off, False)
    operations: tuple[Operation, ...]
    if isinstance(written, dict):
        route = f"{spec.route}/enableDefaultDeny"
        operations = tuple({"op": "add", "path": f"{route}/{name}", "value": False} for name in chosen)
    else:
        operations = ({"op": "add", "path": f"{spec.route}/enableDefaultDeny", "value": chosen},)
    opens = tuple(
        all_other(f"all {name} of {subject_text(context.policy, spec)} that is not denied", spec, name)
        for name in cut_off
    )
    first = _denying(spec, next(iter(cut_off)))[0]
    setting = join_names(f"`enableDefaultDeny.{name}: false`" for name in cut_off)
    return report(
        context,
        first.list_route,
        Applicability.UNSAFE,
        f"the deny rules shut all {directions} of {subject}: they put the pods into default deny, and no policy lets "
        "anything through",
        "a deny rule enforces its direction like an allow rule, so that what nothing allows is dropped too"
        + ", DNS included" * (EGRESS in cut_off),
        change=Change(operations, opens=opens),
        evidence=_workload_lines(pods),
        advice=f"set {setting} if only the denied traffic is meant; else allow what the pods need",
        at_key=True,
    )


def _dead_allows(spec: Spec, reaches: Iterable[Reach]) -> dict[str, list[AppliedRule]]:
    """The allow rules of the same pods that a deny of everything in the rule set makes void, by direction."""
    dead: dict[str, list[AppliedRule]] = {}
    for reach in reaches:
        for direction in (INGRESS, EGRESS):
            total = [rule for rule in reach.rules(direction) if _is_total(rule, spec)]
            allowing = [rule for rule in reach.rules(direction) if _allows(rule)]
            void = [rule for rule in allowing if covered([rule.entry], [each.entry for each in total])] if total else []
            if void:
                dead.setdefault(direction, []).extend(void)
    return dead


def _is_total(rule: AppliedRule, spec: Spec) -> bool:
    """Whether a rule of the rule set denies every port to everything, or to every pod."""
    of_spec = rule.rule is not None and any(rule.rule is each for each in spec.rules)
    every_port = any(grant.match == EVERYTHING for grant in rule.entry.ports)
    return of_spec and rule.entry.deny and every_port and any(map(_is_everybody, rule.entry.peers))


def _is_everybody(term: Term) -> bool:
    if not isinstance(term, LabelTerm):
        return False
    # With a default local cluster, every pod means those of the own one; `covered` says whether that is enough.
    conditions = [(c.key, c.operator) for c in term.conditions if c.key != CLUSTER_LABEL]
    return term == ANYTHING or conditions == [(NAMESPACE_LABEL, "Exists")]


def _deny_ofall_other(context: Context, spec: Spec, dead: Mapping[str, Sequence[AppliedRule]]) -> Finding:
    operations: list[Operation] = []
    opens: list[FlowClaim] = []
    routes: list[str] = []
    for direction in (EGRESS, INGRESS):  # What is added last stands first.
        total = [rule for rule in _denying(spec, direction) if _denies_all(context, rule)]
        if not total:
            continue
        routes.append(total[0].route)
        rest = len(_denying(spec, direction)) > len(total)
        allowing = direction in spec.raw
        if rest:
            operations += [{"op": "remove", "path": rule.route} for rule in reversed(total)]
        elif allowing:
            operations.append({"op": "remove", "path": total[0].list_route})
        else:
            operations.append({"op": "add", "path": f"{spec.route}/{direction}", "value": [{}]})
            operations.append({"op": "remove", "path": total[0].list_route})
        opens.append(
            all_other(f"{direction} of {subject_text(context.policy, spec)} that other rules allow", spec, direction)
        )
    void = list(dict.fromkeys(str(rule) for rules in dead.values() for rule in rules))
    return report(
        context,
        routes[0],
        Applicability.UNSAFE,
        f"a deny of everything makes the allow rules of {subject_text(context.policy, spec)} void: {join_names(void)}",
        "deny beats allow however narrow the allow is; a default deny is a rule that allows nothing",
        change=Change(tuple(operations), opens=tuple(opens)),
        severity=Severity.ERROR,
        evidence=(*(f"void: {each}" for each in void[:5]), *((f"and {len(void) - 5} more",) if len(void) > 5 else ())),
        advice=f"deny by default instead, with {join_names(f'`{name}: [{{}}]`' for name in dead)}",
    )


def _exceptions(
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


def _written_exceptions(entry: Any) -> list[str]:
    items = entry.get("except") if isinstance(entry, dict) else None
    return [item for item in items if isinstance(item, str)] if isinstance(items, list) else []


def _is_lost(reach: Reach, direction: str, written: str) -> bool:
    try:
        prefix = parse_prefix(written)
    except AddressError:
        return False
    rules = [*reach.rules(direction), *(rule for rule in reach.possible if rule.entry.direction == direction)]
    return reach.denied_by_default(direction) and not any(
        _may_reach(peer, prefix) for rule in rules if _allows(rule) for peer in rule.entry.peers
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
        "an exception of a deny rule is only not denied; in default deny what no rule allows is dropped all the same",
        severity=Severity.NOTE,
        evidence=_workload_lines(lost),
        advice="allow it with a rule of its own if it is meant to pass",
    )


def _own_namespace(context: Context, spec: Spec, reaches: Sequence[Reach]) -> Iterator[Finding]:
    for rule in spec.rules:
        field = rule.peer("fromEndpoints") or rule.peer("toEndpoints") if rule.deny else None
        every_pod = field is not None and any(s is not None and not s.requirements for s in field.selectors)
        if field is None or not every_pod or len(field.entries) > 1:
            continue
        passing = [each for reach in reaches for each in _passing(reach, rule)]
        if passing:
            yield _still_passing(context, spec, rule, field.entry_route(0), passing)


def _passing(reach: Reach, rule: Rule) -> list[AppliedRule]:
    """The clusterwide rules that let others than the pods of the namespace through, on ports that the rule denies."""
    own = next((each.entry for each in reach.rules(rule.direction) if each.rule is rule), None)
    if own is None:
        return []
    return [
        each
        for each in reach.rules(rule.direction)
        if each.policy.kind == CCNP
        and _allows(each)
        and any(_share_ports(one.match, other.match) for one in own.ports for other in each.entry.ports)
        and not covered([each.entry], [own])
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
    policies = list(dict.fromkeys(str(each) for each in passing))
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


def _workload_lines(reaches: Iterable[Reach]) -> tuple[str, ...]:
    known = [reach.workload for reach in reaches if reach.workload]
    lines = [f"selects {workload}, {workload.source}" for workload in known[:6]]
    return (*lines, *((f"and {len(known) - 6} more workloads",) if len(known) > 6 else ()))
