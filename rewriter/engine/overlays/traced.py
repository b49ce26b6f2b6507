"""What patches make of a manifest, with the text that each part of the result comes from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rewriter.cilium.digits import is_number
from rewriter.inventory.delivery.patched_policies import PatchedPolicy
from rewriter.inventory.delivery.patches import TextAt
from rewriter.inventory.delivery.substitution import substituted
from rewriter.records import dataclass
from rewriter.yamltext.document import equal, tokens


@dataclass(slots=True)
class Node:
    """A value: a mapping or a list of nodes, or a scalar. `at` and `route` say where it is written."""

    value: Any
    at: TextAt
    route: str


@dataclass(frozen=True, slots=True)
class Origin:
    """A place in a text. `exact` is False where the value itself stands elsewhere, and this is what holds it."""

    at: TextAt
    route: str
    exact: bool = True


class NotTracedError(Exception):
    """A patch that does not fit what it is for."""


def traced(policy: PatchedPolicy) -> Node:
    """A policy after its patches, with its variables filled in. Raises NotTracedError."""
    node = written(policy)
    return node if policy.variables is None else _filled_in(node, *policy.variables)


def written(policy: PatchedPolicy) -> Node:
    """A policy after its patches, before variables are filled in. Raises NotTracedError."""
    node = _lifted(policy.manifest, policy.base, policy.item)
    for patch in policy.patches:
        assert patch.at is not None
        if patch.merge is not None:
            merge = {key: item for key, item in patch.merge.items() if key not in ("apiVersion", "kind", "metadata")}
            if "$patch" in merge:
                raise NotTracedError
            node = _merged(node, merge, patch.at, "")
        else:
            for index, operation in enumerate(patch.operations):
                _operate(node, operation, patch.at, f"/{index}/value")
    return node


def _filled_in(node: Node, variables: Mapping[str, str], complete: bool) -> Node:
    """A value with its variables filled in; each part stays where it is written."""
    if isinstance(node.value, dict):
        items = {
            substituted(key, variables, complete): _filled_in(item, variables, complete)
            for key, item in node.value.items()
        }
        return Node(items, node.at, node.route)
    if isinstance(node.value, list):
        return Node([_filled_in(item, variables, complete) for item in node.value], node.at, node.route)
    return Node(substituted(node.value, variables, complete), node.at, node.route)


def plain(node: Node) -> Any:
    """The value of a node."""
    if isinstance(node.value, dict):
        return {key: plain(item) for key, item in node.value.items()}
    return [plain(item) for item in node.value] if isinstance(node.value, list) else node.value


def origin_of(root: Node, route: str) -> Origin:
    """Where the value at a route is written; where nothing is there, what holds it."""
    node = root
    for token in tokens(route):
        found = _child(node, token)
        if found is None:
            return Origin(node.at, node.route, exact=False)
        node = found
    return Origin(node.at, node.route)


def written_at(root: Node, route: str, value: Any) -> Origin | None:
    """Where the value at a route is written; None where another value than that of the text is there now."""
    node: Node | None = root
    for token in tokens(route):
        node = _child(node, token) if node is not None else None
        if isinstance(value, dict):
            value = value.get(token)
        else:
            there = isinstance(value, list) and is_number(token) and int(token) < len(value)
            value = value[int(token)] if there else None
    return Origin(node.at, node.route) if node is not None and equal(plain(node), value) else None


def translated(root: Node, operation: Mapping[str, Any]) -> tuple[TextAt, dict[str, Any]]:
    """An operation on the policy as one on the text that holds the place. Raises NotTracedError."""
    kind, path = str(operation["op"]), str(operation["path"])
    at, place = _place(root, path, new=kind in ("add", "move", "copy"))
    result = {**operation, "path": place}
    if "from" in operation:
        source, start = _place(root, str(operation["from"]), new=False)
        if source != at:
            raise NotTracedError
        result["from"] = start
    return at, result


def _place(root: Node, path: str, *, new: bool) -> tuple[TextAt, str]:
    """Where in which text something is, or is to be put."""
    above, _, token = path.rpartition("/")
    holder = _at(root, above)
    if isinstance(holder.value, list):
        return _place_in_list(holder, token, new=new)
    name = token.replace("~1", "/").replace("~0", "~")
    found = holder.value.get(name) if isinstance(holder.value, dict) else None
    if found is not None:
        return found.at, found.route
    if not new:
        raise NotTracedError
    return holder.at, f"{holder.route}/{token}"


def _place_in_list(holder: Node, token: str, *, new: bool) -> tuple[TextAt, str]:
    index = len(holder.value) if token == "-" else int(token)
    if not new:
        if index >= len(holder.value):
            raise NotTracedError
        return holder.value[index].at, holder.value[index].route
    before = holder.value[index - 1] if index else None
    after = holder.value[index] if index < len(holder.value) else None
    beside = before or after
    if beside is None:
        return holder.at, f"{holder.route}/0"
    above, _, last = beside.route.rpartition("/")
    if not is_number(last) or above != holder.route or beside.at != holder.at:
        raise NotTracedError
    return beside.at, f"{above}/{int(last) + (1 if before else 0)}"


def _at(root: Node, route: str) -> Node:
    node = root
    for token in tokens(route):
        found = _child(node, token)
        if found is None:
            raise NotTracedError
        node = found
    return node


def _child(node: Node, token: str) -> Node | None:
    if isinstance(node.value, dict):
        found: Node | None = node.value.get(token)
        return found
    if isinstance(node.value, list) and is_number(token) and int(token) < len(node.value):
        item: Node = node.value[int(token)]
        return item
    return None


def _lifted(value: Any, at: TextAt, route: str) -> Node:
    if isinstance(value, dict):
        return Node({key: _lifted(item, at, f"{route}/{_escaped(key)}") for key, item in value.items()}, at, route)
    if isinstance(value, list):
        return Node([_lifted(item, at, f"{route}/{index}") for index, item in enumerate(value)], at, route)
    return Node(value, at, route)


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def _merged(old: Node, new: Mapping[str, Any], at: TextAt, route: str) -> Node:
    """A strategic merge; lists of policies have no keys to merge by, and are replaced."""
    if not isinstance(old.value, dict):
        return _lifted(new, at, route)
    if "$patch" in new:
        if new["$patch"] != "replace":
            raise NotTracedError
        return _lifted({key: item for key, item in new.items() if key != "$patch"}, at, route)
    result = dict(old.value)
    for key, item in new.items():
        place = f"{route}/{_escaped(key)}"
        if item is None:
            result.pop(key, None)
        elif isinstance(item, dict) and key in result:
            result[key] = _merged(result[key], item, at, place)
        else:
            result[key] = _lifted(item, at, place)
    return Node(result, old.at, old.route)


def _operate(root: Node, operation: Mapping[str, Any], at: TextAt, place: str) -> None:
    """Makes one operation of RFC 6902 in a traced value; its own value is written at a place of `at`."""
    kind, path = operation.get("op"), str(operation.get("path"))
    if kind == "test":
        return
    if path.split("/")[1:2] == ["metadata"]:
        return  # What a policy is called is read from what is built.
    above, _, token = path.rpartition("/")
    if kind in ("move", "copy"):
        source = _at(root, str(operation.get("from")))
        moved = source if kind == "move" else _lifted(plain(source), source.at, source.route)
        if kind == "move":
            _removed(root, str(operation["from"]))
        _put(_at(root, above), token, moved, new=True)
    elif kind in ("add", "replace"):
        _put(_at(root, above), token, _lifted(operation.get("value"), at, place), new=kind == "add")
    elif kind == "remove":
        _removed(root, path)
    else:
        raise NotTracedError


def _put(holder: Node, token: str, node: Node, *, new: bool) -> None:
    name = token.replace("~1", "/").replace("~0", "~")
    if isinstance(holder.value, dict):
        holder.value = {**holder.value, name: node}
    elif isinstance(holder.value, list) and (token == "-" or is_number(token)):
        index = len(holder.value) if token == "-" else int(token)
        if index > len(holder.value) or (not new and index == len(holder.value)):
            raise NotTracedError
        items = list(holder.value)
        items[index : index if new else index + 1] = [node]
        holder.value = items
    else:
        raise NotTracedError


def _removed(root: Node, path: str) -> None:
    above, _, token = path.rpartition("/")
    holder = _at(root, above)
    name = token.replace("~1", "/").replace("~0", "~")
    if isinstance(holder.value, dict) and name in holder.value:
        holder.value = {key: item for key, item in holder.value.items() if key != name}
    elif isinstance(holder.value, list) and is_number(token) and int(token) < len(holder.value):
        holder.value = [item for index, item in enumerate(holder.value) if index != int(token)]
    else:
        raise NotTracedError
