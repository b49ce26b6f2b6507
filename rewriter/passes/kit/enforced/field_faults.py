"""Unknown fields of a policy in words: what each was perhaps meant to be, and what to do."""

from __future__ import annotations

from collections.abc import Iterator

from rewriter import patterns as re
from rewriter.cilium.crd.check import SchemaProblem, all_take, schema_problems
from rewriter.cilium.crd.facts import schema_of
from rewriter.cilium.crd.meaning import without_field
from rewriter.cilium.crd.near import nearest_fields
from rewriter.cilium.crd.served import unserved
from rewriter.cilium.crd.shapes import Fields, Items
from rewriter.cilium.policy import KNP
from rewriter.cilium.version import BARE_ADDRESS_REJECTED, L7_GENERIC_REMOVED, Version
from rewriter.evidence.context import Context
from rewriter.evidence.placeholders import has_placeholder
from rewriter.finding import Operation
from rewriter.passes.kit.enforced.enforcement import rejected, upgrades, value_at
from rewriter.passes.kit.enforced.schema_fix import FieldFix
from rewriter.records import dataclass
from rewriter.text import join_names

#: The annotations of that prefix that a release reads (Cilium pkg/annotation/k8s.go), on whatever object.
READ = frozenset({"policy.cilium.io/name", "policy.cilium.io/no-track-port", "policy.cilium.io/proxy-visibility"})

_INSIDE_DENY_RULE = re.compile(r"/(?:in|e)gressDeny/\d+/[^/]+/")

#: What other passes report: the field, or a part of the route, and what the target release is then like.
_REMOVED_KINDS = frozenset({"kafka", "l7", "l7proto"})


@dataclass(frozen=True, slots=True)
class Fault:
    """A problem of the schema, and the releases of the upgrade whose API server has it."""

    problem: SchemaProblem
    releases: tuple[Version, ...]


def faults_of(context: Context) -> Iterator[Fault]:
    """The problems that the schemas of the source and the target release have and no other pass reports."""
    ends = tuple(dict.fromkeys((context.from_version, context.to_version)))
    if all_take(ends, context.policy.raw):
        return
    found: dict[tuple[str, bool], tuple[SchemaProblem, list[Version]]] = {}
    for version in ends:
        for problem in schema_problems(context.policy.raw, version, context.policy.route):
            if not others_say(context, problem, version):
                problems = found.setdefault((problem.route, problem.unknown), (problem, []))
                problems[1].append(version)
    emptied = {route.rpartition("/")[0] for route, unknown in found if unknown}
    for (route, unknown), (problem, versions) in found.items():
        if unknown or route not in emptied:
            yield Fault(problem, tuple(versions))


def faults_of_others(context: Context) -> Iterator[Fault]:
    """The problems of a manifest that is no policy of Cilium's, where a release serves its kind at all."""
    manifest, found = context.policy, dict[tuple[str, str], Fault]()
    for version in dict.fromkeys((context.from_version, context.to_version)):
        if unserved(manifest.raw, version):
            continue
        for problem in schema_problems(manifest.raw, version, manifest.route):
            culprit = None if problem.unknown else value_at(manifest, problem.route)[1]
            if not isinstance(culprit, str) or not has_placeholder(culprit):
                known = found.get((problem.route, problem.message))
                found[problem.route, problem.message] = Fault(problem, (*(known.releases if known else ()), version))
    emptied = {route.rpartition("/")[0] for (route, _), fault in found.items() if fault.problem.unknown}
    for (route, _), fault in found.items():
        if fault.problem.unknown or route not in emptied:
            yield fault


def others_say(context: Context, problem: SchemaProblem, version: Version) -> bool:
    """Whether another pass reports it, as what the agent rejects or a release removed, or a placeholder decides it."""
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


def why_of(context: Context, fault: Fault) -> str:
    """What the API server does with the field, and what that leaves."""
    problem, version, policy = fault.problem, fault.releases[-1], context.policy
    why = "the API server refuses the field where it validates strictly (kubectl), and drops it otherwise"
    parent = problem.route.rpartition("/")[0]
    rest = [p for p in schema_problems(policy.raw, version, policy.route) if not p.unknown and p.route == parent]
    if rest:
        why = f"the API server refuses the manifest, also where it drops unknown fields ({rest[0].message})"
    left = without_field(policy.raw, version, problem, policy.route)
    return f"{why}; then {left}" if left else why


def key_of(problem: SchemaProblem) -> str:
    return problem.route.rpartition("/")[2].replace("~1", "/").replace("~0", "~")


def place_of(problem: SchemaProblem) -> str:
    """The place of a fault in words; that of a deny rule may lack what an allow rule has there."""
    name = problem.place.name if problem.place else "the manifest"
    return f"{name} of a deny rule" if _INSIDE_DENY_RULE.search(problem.route) else name


def advice_on(context: Context, problem: SchemaProblem, fixes: tuple[FieldFix, ...], version: Version) -> str:
    key = key_of(problem)
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
    """The places of the API that have a field of this name; one named like the fault's own is that of an allow rule."""
    found: list[str] = []
    own = problem.place.name if problem.place else ""

    def walk(shape: object) -> None:
        if isinstance(shape, Items):
            walk(shape.element)
        elif isinstance(shape, Fields):
            if key in shape.fields and shape is not problem.place:
                found.append(f"{shape.name} of an allow rule" if shape.name == own else shape.name)
            for field in shape.fields.values():
                walk(field)

    walk(schema_of(context.policy.kind, version))
    return list(dict.fromkeys(found))


def _of_network_policy(key: str) -> bool:
    return key in ("podSelector", "namespaceSelector", "ipBlock", "policyTypes", "from", "to")


def corrected(context: Context, problem: SchemaProblem) -> tuple[Operation, ...]:
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


def where_text(context: Context, fault: Fault) -> str:
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
