"""## What it does

Checks a manifest against the schema that the CRDs of the source and the target release give to the API server: fields
that the API does not have at that place (`toPort`, `matchname`, `toPorts` inside a selector, `ports` inside a peer of
a NetworkPolicy), values outside of the schema's types, formats, patterns and lists, and `policy.cilium.io/...`
annotations that no release reads. An `apiVersion` in which no API server has the kind is found, too. CiliumCIDRGroup
and ClusterNetworkPolicy are checked as well.

## Why it matters

The API server judges before the agent does. `kubectl` and other strict clients are refused; all others have an unknown
field dropped in silence, and what is left means something else: with `toPorts` dropped every port is open, with the
peers dropped everybody gets in. A value that the schema does not take is refused in every mode: the manifest in Git is
then not what the cluster has.

## Example

```diff
   ingress:
-  - fromEndpoint:
+  - fromEndpoints:
     - matchLabels:
         app: edge
     toPorts: [{ports: [{port: "80", protocol: TCP}]}]
```

## Fix safety

The fix is the one field whose name is nearest, or that is right one level further out or in, and whose schema the
value fits. Measured against the manifest with the field dropped it is evident where an allow rule only means less with
it, and unsafe otherwise: in deny rules, in the selector of the policy itself, where an entry that was left empty comes
to life. Two fields of the same rank are manual, and so is a value that fits nowhere, and whatever is wrong in a
CiliumCIDRGroup or a ClusterNetworkPolicy.

What the agent rejects as well, `rejected` reports; `validate` shows for every release what the API server and the
agent say.

## References

- Cilium source, `pkg/k8s/apis/cilium.io/client/crds/v2`, per release
- Kubernetes documentation, "Field validation" and "Field pruning"
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rewriter.cilium.crd.facts import CIDR_GROUP
from rewriter.cilium.crd.near import distance
from rewriter.cilium.crd.tiers import CLUSTER_NETWORK_POLICY
from rewriter.cilium.policy import KNP
from rewriter.cilium.selector import escape_pointer
from rewriter.evidence.context import Context
from rewriter.finding import Applicability, Finding, Severity
from rewriter.passes.kit.changes.change import Change
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.enforced.api_version import not_served
from rewriter.passes.kit.enforced.field_faults import (
    READ,
    Fault,
    advice_on,
    corrected,
    faults_of,
    faults_of_others,
    key_of,
    place_of,
    where_text,
    why_of,
)
from rewriter.passes.kit.enforced.joint_fixes import joined
from rewriter.passes.kit.enforced.repair import Repaired, repaired, rule_at
from rewriter.passes.kit.enforced.schema_fix import FieldFix, field_fixes, together
from rewriter.passes.kit.registry import EVERY_KIND, antipattern
from rewriter.text import join_names

_PREFIX = "policy.cilium.io/"
#: Manifests beside policies whose schema is known.
_OTHERS = frozenset({CIDR_GROUP, CLUSTER_NETWORK_POLICY})


@antipattern(
    code="CNP016",
    id="unknown-field",
    title="a field that the API does not have at that place",
    kinds=EVERY_KIND | _OTHERS,
    any_types=True,
    exposes=True,
)
def find(context: Context) -> Iterator[Finding]:
    if context.policy.kind in _OTHERS:
        yield from _of_others(context)
        return
    yield from not_served(context)
    yield from _annotations(context)
    covered: set[str] = set()
    unique: dict[str, list[tuple[Fault, FieldFix]]] = {}
    for fault in faults_of(context):
        if fault.problem.route in covered:
            continue
        if not fault.problem.unknown:
            yield _refused(context, fault)
            continue
        fixes = field_fixes(context, fault.problem, fault.releases[-1])
        covered.update(route for fix in fixes for route in fix.covers)
        if len(fixes) == 1:
            inside = rule_at(context.policy, fault.problem.route)
            unique.setdefault(inside[1].route if inside else fault.problem.route, []).append((fault, fixes[0]))
        else:
            yield _left(context, fault, fixes)
    for found in joined(context, [*unique.values()]):
        yield _mended(context, [fault for fault, _ in found], [fix for _, fix in found])


def _of_others(context: Context) -> Iterator[Finding]:
    """The problems of a manifest that is no policy with rules of its own; a fix would change what other files mean."""
    for fault in faults_of_others(context):
        if fault.problem.unknown:
            key, place = key_of(fault.problem), fault.problem.place
            message = f"`{key}` is not a field of {place.name if place else 'the manifest'}"
            why, advice = why_of(context, fault), advice_on(context, fault.problem, (), fault.releases[-1])
            yield _finding(context, fault, message, why, None, advice=advice)
        else:
            yield _refused(context, fault)


def _mended(context: Context, faults: Sequence[Fault], fixes: Sequence[FieldFix]) -> Finding:
    """The unknown fields of one rule that each have one fix: mended together, since together they say what is left."""
    fix = together(fixes)
    made = repaired(context, fix.target, fix.operations, narrows=fix.narrows)
    messages = []
    for fault, mend in zip(faults, fixes, strict=True):
        key = key_of(fault.problem)
        place = fault.problem.place.name if fault.problem.place else "the manifest"
        meant = f"`{mend.name}` is meant" if mend.name != key else f"it belongs in {mend.container}"
        messages.append(f"`{key}` is not a field of {place}{where_text(context, fault)}: {meant}")
    return _finding(context, faults[0], "; ".join(dict.fromkeys(messages)), why_of(context, faults[0]), made)


def _left(context: Context, fault: Fault, fixes: tuple[FieldFix, ...]) -> Finding:
    """An unknown field that has no fix, or several."""
    message = f"`{key_of(fault.problem)}` is not a field of {place_of(fault.problem)}{where_text(context, fault)}"
    advice = advice_on(context, fault.problem, fixes, fault.releases[-1])
    return _finding(context, fault, message, why_of(context, fault), None, advice=advice)


def _refused(context: Context, fault: Fault) -> Finding:
    """A value that the schema does not take: the API server refuses the manifest in every mode."""
    problem = fault.problem
    operations = corrected(context, problem) if context.policy.kind in EVERY_KIND else ()
    made = repaired(context, problem.route, operations, same=True) if operations else None
    message = f"refused by the API server{where_text(context, fault)}: {problem.message}"
    return _finding(
        context,
        fault,
        message,
        "the API server refuses the manifest, whoever sends it"
        + ("; the agent itself would take it" if context.policy.kind in EVERY_KIND else ""),
        made,
        advice="" if made else "correct it",
    )


def _finding(
    context: Context, fault: Fault, message: str, why: str, made: Repaired | None, *, advice: str = ""
) -> Finding:
    applicability, change = Applicability.MANUAL, None
    evidence = [f"CRD of {context.policy.kind} in Cilium {join_names(fault.releases)}"]
    if context.policy.kind in (KNP, CLUSTER_NETWORK_POLICY):
        evidence = [f"{context.policy.api_version} {context.policy.kind}"]
    if made is not None:
        change = made.change
        evidence += made.evidence
        if made.rejected is None:
            applicability = made.applicability
        else:
            advice = "; ".join(filter(None, (advice, f"the policy is rejected all the same: {made.rejected.message}")))
            change = Change(made.change.operations)
    lasting = context.to_version in fault.releases
    return report(
        context,
        fault.problem.route,
        applicability,
        message,
        why,
        change=change,
        severity=Severity.ERROR if lasting else Severity.WARNING,
        evidence=evidence,
        advice=advice,
        at_key=fault.problem.unknown,
    )


def _annotations(context: Context) -> Iterator[Finding]:
    """`policy.cilium.io/...` annotations that no release reads."""
    for key in context.policy.annotations:
        if not key.startswith(_PREFIX) or key in READ:
            continue
        near = [
            name
            for name in ("policy.cilium.io/name",)
            if distance(key.removeprefix(_PREFIX), name.removeprefix(_PREFIX)) is not None
        ]
        advice = f"`{near[0]}` is near; otherwise remove it" if near else "remove it"
        if "audit" in key:
            advice = "audit mode is a setting of the agents (`policyAuditMode`) or of one endpoint; remove it"
        yield report(
            context,
            f"{context.policy.route}/metadata/annotations/{escape_pointer(key)}",
            Applicability.MANUAL,
            f"no release of Cilium reads the annotation `{key}`",
            "Cilium enforces the policy as if the annotation were not there",
            severity=Severity.ERROR,
            advice=advice,
            at_key=True,
        )
