"""## What it does

Checks a manifest against the schema that the CRDs of the source and the target release give to the API server: fields
that the API does not have at that place (`toPort`, `matchname`, `toPorts` inside a selector, `ports` inside a peer of
a NetworkPolicy), values outside of the schema's types, formats, patterns and lists, and `policy.cilium.io/...`
annotations that no release reads.

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
to life. Two fields of the same rank are manual, and so is a value that fits nowhere.

What the agent rejects as well is the business of `rejected`; `validate` shows both judges for every release.

## References

- Cilium source, `pkg/k8s/apis/cilium.io/client/crds/v2`, per release
- Kubernetes documentation, "Field validation" and "Field pruning"
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rewriter.cilium.crd.check import SchemaProblem, schema_problems
from rewriter.cilium.crd.facts import schema_of
from rewriter.cilium.crd.meaning import without_field
from rewriter.cilium.crd.near import distance, nearest_fields
from rewriter.cilium.crd.shapes import Fields, Items
from rewriter.cilium.policy import KNP
from rewriter.cilium.selector import escape_pointer
from rewriter.cilium.version import BARE_ADDRESS_REJECTED, L7_GENERIC_REMOVED, Version
from rewriter.evidence.context import Context
from rewriter.evidence.placeholders import has_placeholder
from rewriter.finding import Applicability, Finding, Operation, Severity
from rewriter.passes.kit.change import Change
from rewriter.passes.kit.enforcement import rejected, upgrades, value_at
from rewriter.passes.kit.registry import EVERY_KIND, antipattern
from rewriter.passes.kit.repair import Repaired, repaired, rule_at
from rewriter.passes.kit.report import report
from rewriter.passes.kit.schema_fix import FieldFix, field_fixes, together
from rewriter.text import join_names

_PREFIX = "policy.cilium.io/"
#: The annotations of that prefix that a release reads (Cilium pkg/annotation/k8s.go), on whatever object.
_READ = frozenset({"policy.cilium.io/name", "policy.cilium.io/no-track-port", "policy.cilium.io/proxy-visibility"})
#: What other passes speak of: the field, or a part of the route, and what the target release is then like.
_REMOVED_KINDS = frozenset({"kafka", "l7", "l7proto"})


@dataclass(frozen=True, slots=True)
class _Fault:
    """A problem of the schema, and the releases of the upgrade whose API server has it."""

    problem: SchemaProblem
    releases: tuple[Version, ...]


@antipattern(
    code="CNP016",
    id="unknown-field",
    title="a field that the API does not have at that place",
    kinds=EVERY_KIND,
    any_types=True,
)
def find(context: Context) -> Iterator[Finding]:
    yield from _annotations(context)
    covered: set[str] = set()
    unique: dict[str, list[tuple[_Fault, FieldFix]]] = {}
    for fault in _faults(context):
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
    for found in unique.values():
        yield _mended(context, [fault for fault, _ in found], [fix for _, fix in found])


def _faults(context: Context) -> Iterator[_Fault]:
    """The problems that the schemas of the source and the target release have and no other pass speaks of."""
    ends = tuple(dict.fromkeys((context.from_version, context.to_version)))
    found: dict[tuple[str, bool], tuple[SchemaProblem, list[Version]]] = {}
    for version in ends:
        for problem in schema_problems(context.policy.raw, version, context.policy.route):
            if not _others_say(context, problem, version):
                problems = found.setdefault((problem.route, problem.unknown), (problem, []))
                problems[1].append(version)
    emptied = {route.rpartition("/")[0] for route, unknown in found if unknown}
    for (route, unknown), (problem, versions) in found.items():
        if unknown or route not in emptied:
            yield _Fault(problem, tuple(versions))


def _others_say(context: Context, problem: SchemaProblem, version: Version) -> bool:
    """Whether another pass has the finding: what the agent rejects, what a release removed, what decides no text."""
    policy = context.policy
    tokens = problem.route.removeprefix(policy.route).split("/")[1:]
    if any(token.endswith("Requires") for token in tokens):
        return True
    in_rules = len(tokens) > 1 and tokens[-2] == "rules"
    if problem.unknown:
        return version >= L7_GENERIC_REMOVED and in_rules and tokens[-1] in _REMOVED_KINDS
    culprit = value_at(policy, problem.route)[1]
    if isinstance(culprit, str) and has_placeholder(culprit):
        return True
    if tokens and tokens[-1] == "rules" and isinstance(culprit, dict) and _REMOVED_KINDS & set(culprit):
        return True
    address = "must be of type cidr" in problem.message
    if address and isinstance(culprit, str) and "/" not in culprit and context.to_version >= BARE_ADDRESS_REJECTED:
        return True
    if "at least one of" in problem.message:
        return True
    reason = rejected(policy, version)
    return reason is not None


def _mended(context: Context, faults: Sequence[_Fault], fixes: Sequence[FieldFix]) -> Finding:
    """The unknown fields of one rule that each have one fix: mended together, since together they say what is left."""
    fix = together(fixes)
    made = repaired(context, fix.target, fix.operations, narrows=fix.narrows)
    messages = []
    for fault, each in zip(faults, fixes, strict=True):
        key = _key(fault.problem)
        place = fault.problem.place.name if fault.problem.place else "the manifest"
        meant = f"`{each.name}` is meant" if each.name != key else f"it belongs into {each.container}"
        messages.append(f"`{key}` is no field of {place}{_where(context, fault)}: {meant}")
    return _finding(context, faults[0], "; ".join(messages), _why(context, faults[0]), made)


def _left(context: Context, fault: _Fault, fixes: tuple[FieldFix, ...]) -> Finding:
    """An unknown field that has no fix, or several."""
    key, place = _key(fault.problem), fault.problem.place
    message = f"`{key}` is no field of {place.name if place else 'the manifest'}{_where(context, fault)}"
    advice = _advice(context, fault.problem, fixes, fault.releases[-1])
    return _finding(context, fault, message, _why(context, fault), None, advice=advice)


def _why(context: Context, fault: _Fault) -> str:
    """What the API server does with the field, and what that leaves."""
    problem, version, policy = fault.problem, fault.releases[-1], context.policy
    why = "refused by the API server where it validates strictly (kubectl), dropped otherwise"
    parent = problem.route.rpartition("/")[0]
    rest = [p for p in schema_problems(policy.raw, version, policy.route) if not p.unknown and p.route == parent]
    if rest:
        why = f"refused by the API server, also where it drops unknown fields ({rest[0].message})"
    left = without_field(policy.raw, version, problem, policy.route)
    return f"{why}; then {left}" if left else why


def _key(problem: SchemaProblem) -> str:
    return problem.route.rpartition("/")[2].replace("~1", "/").replace("~0", "~")


def _advice(context: Context, problem: SchemaProblem, fixes: tuple[FieldFix, ...], version: Version) -> str:
    key = _key(problem)
    if fixes:
        places = " or ".join(f"`{fix.name}` in {fix.container}" for fix in fixes)
        return f"say which is meant: {places}"
    near = nearest_fields(problem, context.policy.raw, context.policy.route)
    if near:
        names = join_names([f"`{name}`" for name in near])
        return f"{names} is near, but does not take this value; correct it, or remove the field"
    owners = _owners(context, problem, version, key)
    if owners:
        return f"`{key}` is a field of {join_names(owners, most=3)}; move it there, or remove it"
    if context.policy.kind != KNP and _of_network_policy(key):
        return f"`{key}` is a field of a Kubernetes NetworkPolicy; write what Cilium has for it, or remove it"
    return "write the field that is meant, or remove it"


def _owners(context: Context, problem: SchemaProblem, version: Version, key: str) -> list[str]:
    """The places of the API that have a field of this name."""
    found: list[str] = []

    def walk(shape: object) -> None:
        if isinstance(shape, Items):
            walk(shape.element)
        elif isinstance(shape, Fields):
            if key in shape.fields and shape is not problem.place:
                found.append(shape.name)
            for each in shape.fields.values():
                walk(each)

    walk(schema_of(context.policy.kind, version))
    return list(dict.fromkeys(found))


def _of_network_policy(key: str) -> bool:
    return key in ("podSelector", "namespaceSelector", "ipBlock", "policyTypes", "from", "to")


def _refused(context: Context, fault: _Fault) -> Finding:
    """A value that the schema does not take: the API server refuses the manifest in every mode."""
    problem = fault.problem
    operations = _corrected(context, problem)
    made = repaired(context, problem.route, operations, same=True) if operations else None
    message = f"refused by the API server{_where(context, fault)}: {problem.message}"
    return _finding(
        context,
        fault,
        message,
        "no client gets the manifest in; the agent itself would take it",
        made,
        advice="" if made else "correct it",
    )


def _corrected(context: Context, problem: SchemaProblem) -> tuple[Operation, ...]:
    """Operations that write a value as the schema has it where that changes nothing of what the agent reads."""
    value = value_at(context.policy, problem.route)[1]
    name = problem.route.rpartition("/")[2]
    if not isinstance(value, str):
        return ()
    if name == "protocol" and value.upper() != value and f'"{value.upper()}"' in problem.message:
        return ({"op": "replace", "path": problem.route, "value": value.upper()},)
    if "must be of type cidr" in problem.message and "/" not in value:
        length = 128 if ":" in value else 32
        return ({"op": "replace", "path": problem.route, "value": f"{value}/{length}"},)
    return ()


def _where(context: Context, fault: _Fault) -> str:
    """For which releases it holds, where it does not hold for both ends of the upgrade."""
    ends = {context.from_version, context.to_version}
    if set(fault.releases) == ends or context.policy.kind == KNP:
        return ""
    between = [
        version
        for version in upgrades(context)
        if any(
            p.route == fault.problem.route for p in schema_problems(context.policy.raw, version, context.policy.route)
        )
    ]
    if context.to_version in fault.releases:
        return f" from Cilium {between[0]} on"
    return f" up to Cilium {between[-1]}"


def _finding(
    context: Context, fault: _Fault, message: str, why: str, made: Repaired | None, *, advice: str = ""
) -> Finding:
    applicability, change = Applicability.MANUAL, None
    evidence = [f"CRD of {context.policy.kind} in Cilium {join_names(fault.releases)}"]
    if context.policy.kind == KNP:
        evidence = ["networking.k8s.io/v1 NetworkPolicy"]
    if made is not None:
        change = made.change
        evidence += made.evidence
        if made.rejected is None:
            applicability = made.applicability
        else:
            advice = f"{advice} the policy is rejected all the same: {made.rejected.message}".strip()
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
    metadata = context.policy.raw.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    for key in annotations if isinstance(annotations, dict) else ():
        if not isinstance(key, str) or not key.startswith(_PREFIX) or key in _READ:
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
            "the policy is enforced as if it was not there",
            severity=Severity.ERROR,
            advice=advice,
            at_key=True,
        )
