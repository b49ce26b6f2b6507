"""From a field that the API does not have to the operations that put its value where it was meant, and what they do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rewriter.cilium.crd.check import SchemaProblem, fits
from rewriter.cilium.crd.near import Meant, fields_meant
from rewriter.cilium.crd.shapes import Fields
from rewriter.cilium.labels import CLUSTER_LABEL
from rewriter.cilium.policy import DENY_PEER_FIELDS, KNP, PEER_FIELDS, Rule
from rewriter.cilium.selector import escape_pointer, read_selector
from rewriter.cilium.version import Version
from rewriter.evidence.context import Context
from rewriter.finding import Operation
from rewriter.passes.kit.changes.forms import Form
from rewriter.passes.kit.enforced.enforcement import value_at
from rewriter.passes.kit.enforced.repair import rule_at
from rewriter.records import dataclass
from rewriter.text import join_names

#: What stands in an item itself where it belongs into an entry of the item's list: the list, its fields, and the one
#: without which there is no fix.
_IN_ENTRIES = {
    "an item of toPorts": ("ports", ("port", "protocol", "endPort"), "port"),
    "an item of icmps": ("fields", ("family", "type"), "type"),
}


@dataclass(frozen=True, slots=True)
class FieldFix:
    """Where an unknown field belongs: its name and route there, the operations that put it there, what they mean.

    `covers` are the routes of all unknown fields that the operations deal with, `narrows` whether an allow rule only
    means less than with the fields dropped.
    """

    name: str
    container: str
    target: str
    operations: tuple[Operation, ...]
    covers: tuple[str, ...]
    narrows: bool


def field_fixes(context: Context, problem: SchemaProblem, version: Version) -> tuple[FieldFix, ...]:
    """The fixes of one rank for an unknown field: none, one, or several to choose from."""
    together = (
        _labels_in_selector(context, problem) or _entry_of_item(context, problem) or _names_in_list(context, problem)
    )
    if together is not None:
        return (together,)
    policy = context.policy
    found = []
    for meant in fields_meant(problem, policy.raw, version, policy.route):
        operations = tuple(_operations(problem.route, meant))
        narrows = _narrows(context, meant.route, meant.container, meant.name, meant.value)
        found.append(FieldFix(meant.name, meant.container.name, meant.route, operations, (problem.route,), narrows))
    return tuple(found or _into_absent(context, problem))


def together(fixes: Sequence[FieldFix]) -> FieldFix:
    """Several fixes of one rule as one, whose flows are judged together. The last field goes first."""
    if len(fixes) == 1:
        return fixes[0]
    return FieldFix(
        name=join_names([fix.name for fix in fixes]),
        container=fixes[0].container,
        target=fixes[0].target,
        operations=tuple(operation for fix in reversed(fixes) for operation in fix.operations),
        covers=tuple(route for fix in fixes for route in fix.covers),
        narrows=all(fix.narrows for fix in fixes),
    )


def _operations(route: str, meant: Meant) -> Iterator[Operation]:
    if meant.moves and meant.route.rpartition("/")[2] == route.rpartition("/")[2]:
        yield {"op": "move", "from": route, "path": meant.route}
        return
    yield {"op": "remove", "path": route}
    yield {"op": "add", "path": meant.route, "value": meant.value}


def _labels_in_selector(context: Context, problem: SchemaProblem) -> FieldFix | None:
    """Labels that stand in a selector itself and belong in its matchLabels."""
    place = problem.place
    if place is None or "matchLabels" not in place.fields:
        return None
    parent = problem.route.rpartition("/")[0]
    written = value_at(context.policy, parent)[1]
    if not isinstance(written, dict) or not isinstance(written.get("matchLabels", {}), dict):
        return None
    loose = {key: item for key, item in written.items() if key not in place.fields}
    if not all(isinstance(item, str) for item in loose.values()):
        return None
    labels = written.get("matchLabels", {})
    if set(labels) & set(loose):
        return None
    route = f"{parent}/matchLabels"
    keys = [str(key) for key in loose]
    operations: list[Operation] = []
    if "matchLabels" in written:
        for key in keys:
            operations.append({"op": "remove", "path": f"{parent}/{escape_pointer(key)}"})
            operations.append({"op": "add", "path": f"{route}/{escape_pointer(key)}", "value": loose[key]})
    else:
        operations.append({"op": "remove", "path": f"{parent}/{escape_pointer(keys[0])}"})
        operations.append({"op": "add", "path": route, "value": loose})
        operations += [{"op": "remove", "path": f"{parent}/{escape_pointer(key)}"} for key in keys[1:]]
    covers = tuple(f"{parent}/{escape_pointer(key)}" for key in keys)
    narrows = _narrows(context, route, place, "matchLabels", {**labels, **loose})
    return FieldFix("matchLabels", place.name, route, tuple(operations), covers, narrows)


def _into_absent(context: Context, problem: SchemaProblem) -> Iterator[FieldFix]:
    """Fields that stand beside the mapping that is to hold them, where that is not there: all of them go into it."""
    place, (parent, _, key) = problem.place, problem.route.rpartition("/")
    written = value_at(context.policy, parent)[1]
    if place is None or not isinstance(written, dict) or parent == context.policy.route:
        return
    for name, shape in place.fields.items():
        if not isinstance(shape, Fields) or key not in shape.fields or written.get(name) is not None:
            continue
        held = {
            field_name: item
            for field_name, item in written.items()
            if field_name in shape.fields and field_name not in place.fields
        }
        if not fits(held, shape):
            continue
        route = f"{parent}/{name}"
        operations: list[Operation] = [
            {"op": "remove", "path": f"{parent}/{next(iter(held))}"},
            {"op": "add", "path": route, "value": held},
            *({"op": "remove", "path": f"{parent}/{field_name}"} for field_name in [*held][1:]),
        ]
        covers = tuple(f"{parent}/{field_name}" for field_name in held)
        narrows = _narrows(context, route, place, name, held)
        yield FieldFix(key, f"`{name}`", route, tuple(operations), covers, narrows)


def _entry_of_item(context: Context, problem: SchemaProblem) -> FieldFix | None:
    """`port` in an item of toPorts itself, `type` in one of icmps: they belong in an entry of `ports` or `fields`."""
    place = problem.place
    if place is None or place.name not in _IN_ENTRIES:
        return None
    parent = problem.route.rpartition("/")[0]
    written = value_at(context.policy, parent)[1]
    name, fields, needed = _IN_ENTRIES[place.name]
    if not isinstance(written, dict) or written.get(name) is not None:
        return None
    keys = [key for key in written if key in fields]
    entry = {key: written[key] for key in keys}
    if needed not in keys or problem.route.rpartition("/")[2] not in keys or not fits([entry], place.fields[name]):
        return None
    operations: list[Operation] = [
        {"op": "remove", "path": f"{parent}/{keys[0]}"},
        {"op": "add", "path": f"{parent}/{name}", "value": [entry]},
        *({"op": "remove", "path": f"{parent}/{key}"} for key in keys[1:]),
    ]
    covers = tuple(f"{parent}/{key}" for key in keys)
    return FieldFix(name, place.name, f"{parent}/{name}", tuple(operations), covers, narrows=False)


def _names_in_list(context: Context, problem: SchemaProblem) -> FieldFix | None:
    """`matchNames: [a, b]` in an item of toFQDNs or of DNS rules: an item for each name."""
    place, (parent, _, key) = problem.place, problem.route.rpartition("/")
    written = value_at(context.policy, parent)[1]
    if place is None or key not in ("matchNames", "matchPatterns") or not isinstance(written, dict):
        return None
    names = written.get(key)
    if len(written) != 1 or not isinstance(names, list) or not names or "matchName" not in place.fields:
        return None
    if not all(isinstance(name, str) for name in names):
        return None
    items = [name_item(name) for name in names]
    around, _, index = parent.rpartition("/")
    operations: list[Operation] = [{"op": "replace", "path": parent, "value": items[0]}]
    operations += [{"op": "add", "path": f"{around}/{int(index) + n}", "value": items[n]} for n in range(1, len(items))]
    return FieldFix("matchName", place.name, parent, tuple(operations), (problem.route,), narrows=False)


def name_item(name: str) -> Form:
    """The item of toFQDNs for a name or a pattern."""
    return {"matchPattern" if "*" in name else "matchName": name}


def _narrows(context: Context, route: str, container: Fields, name: str, value: object) -> bool:
    """Whether an allow rule means less with a field at a route than without it."""
    found = rule_at(context.policy, route)
    if found is None or found[1].deny:
        return False
    rule = found[1]
    kind = context.policy.kind
    if route.rpartition("/")[0] == rule.route:
        return _narrows_rule(rule, name, network_policy=kind == KNP)
    if container.name == "an item of toPorts":
        return name != "ports"
    if "matchLabels" in container.fields:
        return _narrows_selector(context, route, name, value, network_policy=kind == KNP)
    if container.name == "an item of http":
        return True
    if container.name == "an item of ports":
        return name == "protocol" and kind != KNP
    if container.name.endswith("CIDRSet"):
        return name == "except"
    return container.name == "k8sService" and name == "namespace"


def _narrows_rule(rule: Rule, name: str, *, network_policy: bool) -> bool:
    if network_policy:
        return rule.raw.get(name) is None
    peer_fields = (DENY_PEER_FIELDS if rule.deny else PEER_FIELDS)[rule.direction]
    peers = any(rule.raw.get(peer_field) is not None for peer_field in peer_fields)
    ports = any(rule.raw.get(name) for name in ("toPorts", "icmps"))
    if name in peer_fields:
        return ports and not peers
    return peers and not ports if name in ("toPorts", "icmps") else peers or ports


def _narrows_selector(context: Context, route: str, name: str, value: object, *, network_policy: bool) -> bool:
    """More conditions narrow a selector, unless they say of which namespace or cluster it is to be."""
    parent = route.rpartition("/")[0]
    written = value_at(context.policy, parent)[1]
    if not isinstance(written, dict):
        return False
    if network_policy and parent.rpartition("/")[2] not in ("podSelector", "namespaceSelector"):
        return False
    before, after = (read_selector(labels, parent) for labels in (written, {**_known(written), name: value}))
    if after is None or before is None:
        return False
    if after.names_reserved or before.names_namespace != after.names_namespace:
        return False
    return bool(before.requirements_on(CLUSTER_LABEL)) == bool(after.requirements_on(CLUSTER_LABEL))


def _known(selector: Mapping[str, object]) -> Form:
    return {key: item for key, item in selector.items() if key in ("matchLabels", "matchExpressions")}
