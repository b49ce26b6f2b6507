"""## What it does

Finds `fromRequires` and `toRequires`.

## Why it matters

They are gone in Cilium 1.19: the whole policy is rejected there, and its pods lose their rules.

Up to 1.18 a requirement narrows the `fromEndpoints` (`toEndpoints`) of every rule, in every policy, that applies to
the same pods. Like any selector of a CiliumNetworkPolicy it means its own namespace unless it names another.

## Example

```diff
   ingress:
-  - fromRequires:
-    - matchLabels:
-        env: prod
   - fromEndpoints:
     - matchLabels:
         app: web
+        env: prod
```

## Fix safety

The fix adds the requirements to each selector that they narrow and drops the field: safe. Where other policies may
apply to the same pods, these lose the requirement at the upgrade, with or without the fix: the finding lists them, and
the fix is evident, as it is where the upgrade widens other rules of the policy (authentication, `**.`), which the fix
keeps alive. Where the policy is not enforced today, the fix switches it on: unsafe.

Where requirement and selector mean different namespaces they match nothing together today. That is manual,
as is a policy whose rule sets may share only some of their pods.

## References

- Cilium documentation, upgrade notes of 1.19
- Cilium source (1.18), `pkg/policy/rules.go`, `resolveL4IngressPolicy`
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rewriter.cilium.policy import KNP, Policy, Spec
from rewriter.cilium.version import REQUIRES_REMOVED
from rewriter.evidence.context import Context
from rewriter.finding import Applicability, Finding, FlowClaim, Operation, Severity
from rewriter.passes.kit.changes.applicability import EVIDENT, MANUAL, OTHERWISE, SAFE, UNSAFE, decided
from rewriter.passes.kit.changes.change import Change
from rewriter.passes.kit.changes.claims import rules_flows
from rewriter.passes.kit.changes.forms import with_rules, without
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.enforced.enforcement import (
    FlowChanges,
    default_denies,
    may_share_pods,
    other_policies,
    rejected_today,
    switched_on,
)
from rewriter.passes.kit.enforced.upgrade_semantics import changed_by_upgrade
from rewriter.passes.kit.registry import antipattern
from rewriter.passes.kit.selectors.requirements import (
    RequirementGroup,
    UnclearError,
    operations_for,
    requirement_groups,
)
from rewriter.text import join_names, policy_text

VERSIONS = str(REQUIRES_REMOVED)


@antipattern(
    code="CNP007",
    id="requires",
    title="fromRequires and toRequires, which 1.19 rejects",
    change=REQUIRES_REMOVED,
    after=("fqdn-double-star",),
    repairs=lambda spec, _: with_rules(spec, lambda rule: without(rule, "fromRequires", "toRequires")),
)
def find(context: Context) -> Iterator[Finding]:
    groups = [group for spec in context.policy.specs for group in requirement_groups(spec)]
    requiring = [group for group in groups if group.required]
    if not requiring:
        return
    try:
        operations = tuple(operations_for(context, groups, requiring))
    except UnclearError as error:
        yield _finding(context, requiring, MANUAL, str(error))
        return
    others = _others(context, requiring)
    advice = "narrow the policies listed too, where they are meant to be narrowed" if others else ""
    kept = changed_by_upgrade(context)
    applicability = decided(
        (rejected_today(context) is not None, UNSAFE),
        (others or kept.opens or kept.closes, EVIDENT),
        (OTHERWISE, SAFE),
    )
    yield _finding(context, requiring, applicability, advice, operations, others)


#: How many other policies the evidence names.
_MOST_OTHERS = 5


class _Other(NamedTuple):
    """Rules of another policy that may apply to the same pods, and so lose the requirements."""

    policy: Policy
    deny: bool
    flows: FlowClaim


def _others(context: Context, requiring: Sequence[RequirementGroup]) -> tuple[_Other, ...]:
    return tuple(
        _Other(policy, group.rules[0].deny, flows)
        for policy in other_policies(context)
        for group in requiring
        for spec in policy.specs
        if (flows := _losing(context.policy, group, policy, spec)) is not None
    )


def _losing(own: Policy, group: RequirementGroup, policy: Policy, spec: Spec) -> FlowClaim | None:
    """What a rule set of another policy allows or denies, of which the requirements of a group hold a part back."""
    rule = group.rules[0]
    fields = ("from", "to") if policy.kind == KNP else ("fromEndpoints", "toEndpoints")
    rules = [
        other
        for other in spec.rules
        if (other.direction, other.deny) == (rule.direction, rule.deny)
        and any(field.entries for field in other.peers if field.name in fields)
    ]
    if not rules or not may_share_pods(own, group.spec, policy, spec):
        return None
    words = f"what {policy_text(policy)} {'denies' if rule.deny else 'allows'} and the requirement holds back"
    return rules_flows(words, spec, rule.direction, rules, policy)


def _finding(
    context: Context,
    requiring: Sequence[RequirementGroup],
    applicability: Applicability,
    advice: str,
    operations: tuple[Operation, ...] = (),
    others: tuple[_Other, ...] = (),
) -> Finding:
    fields = [field for group in requiring for field in group.required]
    names = join_names(sorted({f"`{field.name}`" for field in fields}))
    denied = join_names(default_denies(context))
    dead = rejected_today(context) is not None
    changes = switched_on(context) if dead else changed_by_upgrade(context)
    if not operations:
        changes = FlowChanges()
    if dead:
        why = f"the policy is not enforced today; once it is, Cilium denies {denied or 'nothing more'} by default"
    else:
        why = f"the whole policy stops being enforced at {REQUIRES_REMOVED}" + (
            f", and Cilium no longer denies {denied} by default" if denied else ""
        )
    if others:
        why += "; the upgrade opens what other policies allow the same pods and the requirement holds back today"
    named = list(dict.fromkeys(policy_text(other.policy) for other in others))
    evidence = [f"{other} may apply to the same pods and loses the requirement" for other in named[:_MOST_OTHERS]]
    if len(named) > _MOST_OTHERS:
        evidence.append(f"and {len(named) - _MOST_OTHERS} more policies")
    lost = [other for other in others if operations]
    change = Change(
        operations,
        (*changes.opens, *(other.flows for other in lost if not other.deny)),
        (*changes.closes, *(other.flows for other in lost if other.deny)),
    )
    return report(
        context,
        fields[0],
        applicability,
        f"{names} {'are' if ' and ' in names else 'is'} gone in Cilium {REQUIRES_REMOVED}, which rejects the policy",
        why,
        change=change,
        severity=Severity.ERROR,
        evidence=(*evidence, *changes.evidence),
        advice=advice,
        versions=VERSIONS,
        at_key=True,
    )
