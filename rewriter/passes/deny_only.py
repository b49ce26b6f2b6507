"""## What it does

Finds deny rules that shut more, or less, than they say.

- A rule set with deny rules and no allow rule in a direction, whose pods no other policy lets through.
- A deny of everything beside policies that allow something to the same pods.
- An `except` of a deny rule that no allow rule covers.
- A `{}` in a deny rule of one namespace, while a clusterwide policy lets the other namespaces in.

## Why it matters

A deny rule puts the pods that it selects into default deny for its direction, as an allow rule does. Pods that nothing
else lets through then lose every connection of that direction, DNS included, and not only the one that is denied. A
deny beats every allow, however narrow: a deny of everything is not a default deny, but makes all allow rules of its
pods void. An `except` only leaves addresses out of the deny; it allows none. In a CiliumNetworkPolicy, `{}` means the
pods of its own namespace only.

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
on the same pods, or where a policy that may allow something could not be read. A policy that the target release rejects
is not enforced, so only `rejected` reports it. The last two kinds of finding have no fix.

## References

- Cilium documentation, "Policy Enforcement Modes", "Deny Policies" and "Rule Basics"
- Cilium source, `pkg/policy/repository.go`, `pkg/policy/api/rule.go`
"""

from __future__ import annotations

from collections.abc import Iterator

from rewriter.cilium.nodes import DefaultDeny
from rewriter.cilium.policy import CNP, EGRESS, INGRESS, Spec
from rewriter.evidence.context import Context
from rewriter.evidence.policies import AppliedRule, own_rules
from rewriter.evidence.reachable import Reach, reach_of
from rewriter.finding import Applicability, Finding, FlowClaim, Operation, Severity
from rewriter.passes.kit.changes.change import Change
from rewriter.passes.kit.changes.claims import all_other
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.registry import antipattern
from rewriter.passes.kit.sides.deny_effects import (
    dead_allow_rules,
    denies_all,
    deny_rules_of,
    lost_exceptions,
    own_namespace_lost,
    pods_cut_off,
    workload_lines,
)
from rewriter.text import join_names, subject_text


@antipattern(code="CNP023", id="deny-only", title="deny rules that shut more, or less, than they say", guesses=True)
def find(context: Context) -> Iterator[Finding]:
    denying = [
        spec for spec in context.policy.specs if any(rule.deny and not rule.selects_nobody for rule in spec.rules)
    ]
    if not denying or not own_rules(context):
        return  # A policy without rules here is one that the target release rejects: nothing of it is enforced.
    for spec in denying:
        reaches = reach_of(context, spec)
        if not reaches or any(reach.hidden for reach in reaches):
            continue
        dead = dead_allow_rules(spec, reaches)
        if dead:
            yield _deny_of_everybody(context, spec, dead)
            continue
        cut_off = {
            direction: found
            for direction in (INGRESS, EGRESS)
            if (found := pods_cut_off(context, spec, reaches, direction))
        }
        if cut_off:
            yield _default_deny(context, spec, cut_off)
        yield from lost_exceptions(context, spec, reaches, cut_off)
        if context.policy.kind == CNP:
            yield from own_namespace_lost(context, spec, reaches)


def _default_deny(context: Context, spec: Spec, cut_off: dict[str, list[Reach]]) -> Finding:
    directions = join_names(cut_off)
    pods = list({reach.identity.name: reach for found in cut_off.values() for reach in found}.values())
    known = join_names((str(reach.workload) for reach in pods if reach.workload), most=4)
    subject = known or subject_text(context.policy, spec)
    written = spec.default_deny
    chosen = dict.fromkeys(cut_off, False)
    operations: tuple[Operation, ...]
    if isinstance(written, DefaultDeny):
        operations = tuple({"op": "add", "path": f"{written.route}/{name}", "value": False} for name in chosen)
    else:
        operations = ({"op": "add", "path": f"{spec.route}/enableDefaultDeny", "value": chosen},)
    opens = tuple(
        all_other(f"all {name} of {subject_text(context.policy, spec)} that is not denied", spec, name)
        for name in cut_off
    )
    first = deny_rules_of(spec, next(iter(cut_off)))[0]
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
        evidence=workload_lines(pods),
        advice=f"set {setting} if only the denied traffic is meant; else allow what the pods need",
        at_key=True,
    )


def _deny_of_everybody(context: Context, spec: Spec, dead: dict[str, list[AppliedRule]]) -> Finding:
    operations: list[Operation] = []
    opens: list[FlowClaim] = []
    routes: list[str] = []
    for direction in (EGRESS, INGRESS):  # What is added last stands first.
        total = [rule for rule in deny_rules_of(spec, direction) if denies_all(context, rule)]
        if not total:
            continue
        routes.append(total[0].route)
        rest = len(deny_rules_of(spec, direction)) > len(total)
        allowing = direction in spec.members
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
        f"a rule that denies everything makes the allow rules of {subject_text(context.policy, spec)} void: "
        f"{join_names(void)}",
        "deny beats allow however narrow the allow is; a default deny is a rule that allows nothing",
        change=Change(tuple(operations), opens=tuple(opens)),
        severity=Severity.ERROR,
        evidence=(*(f"void: {line}" for line in void[:5]), *((f"and {len(void) - 5} more",) if len(void) > 5 else ())),
        advice=f"deny by default instead, with {join_names(f'`{name}: [{{}}]`' for name in dead)}",
    )
