"""From a JSON Pointer to the nodes on its way, and why a node must not be edited."""

from __future__ import annotations

from rewriter.records import dataclass
from rewriter.yamltext.document import Document, children, is_index, key_of, tokens
from rewriter.yamltext.errors import EditError
from rewriter.yamltext.nodes import Alias, Mapping, Node, Scalar, Sequence
from rewriter.yamltext.templates import template_markup


@dataclass(frozen=True, slots=True)
class Target:
    """The container that an operation changes, and the member or item in it.

    `index` is the position among its items (the number of items where the member is new), `token` the last token of
    the pointer. `parent` is None for the document's root.
    """

    parent: Mapping | Sequence | None
    index: int
    token: str
    exists: bool


def resolve_target(document: Document, pointer: str) -> Target:
    """The target of a pointer. Raises EditError when the way to it is missing or must not be edited."""
    reason = uneditable(document, pointer)
    if reason is not None:
        raise EditError(reason, pointer)
    steps = tokens(pointer)
    if not steps:
        return Target(None, 0, "", document.root is not None)
    node = document.root
    for step in steps[:-1]:
        node = _step(node, step)
        if node is None:
            raise EditError("there is no such place in the document", pointer)
    last = steps[-1]
    if isinstance(node, Mapping):
        for index, (key, _) in enumerate(node.items):
            if _is_key(key, last):
                return Target(node, index, last, True)
        return Target(node, len(node.items), last, False)
    if isinstance(node, Sequence):
        if last == "-":
            return Target(node, len(node.items), last, False)
        if is_index(last) and int(last) <= len(node.items):
            return Target(node, int(last), last, int(last) < len(node.items))
    raise EditError("there is no such place in the document", pointer)


def uneditable(document: Document, pointer: str) -> str | None:
    """Why the node at a pointer, or a container on the way to it, cannot be edited; None when it can."""
    shared = document.aliases
    node = document.root
    for step in ("", *tokens(pointer)):
        if step or node is not document.root:
            if isinstance(node, Mapping) and not any(_is_key(key, step) for key, _ in node.items) and _merges(node):
                return "it may come from a merge key (<<)"
            node = _step(node, step)
        if node is None:
            return None
        if isinstance(node, Alias):
            return f"it is reached through the alias *{node.name}"
        if node.anchor is not None and node.anchor in shared:
            return f"it is shared through the anchor &{node.anchor}"
        if node.tag is not None:
            return f"it has the tag {node.tag}"
    if node is not None and template_markup(document.text[node.start : node.end]) is not None:
        return "it holds template markup"
    return None


def refuse_merged(node: Mapping | Sequence, pointer: str) -> None:
    """Raises EditError when a member that is to go would give way to one of a merge key."""
    if isinstance(node, Mapping) and _merges(node):
        raise EditError("a merge key (<<) stands beside it", pointer)


def refuse_shared(document: Document, node: Node, pointer: str) -> None:
    """Raises EditError when a node that is to go holds an anchor that others refer to."""
    shared = document.aliases
    if not shared:
        return
    stack = [node]
    while stack:
        current = stack.pop()
        if current.anchor is not None and current.anchor in shared:
            raise EditError(f"it holds the anchor &{current.anchor}, which is used elsewhere", pointer)
        stack += children(current)


def _step(node: Node | None, step: str) -> Node | None:
    if isinstance(node, Mapping):
        return next((value for key, value in node.items if _is_key(key, step)), None)
    if isinstance(node, Sequence) and is_index(step) and int(step) < len(node.items):
        return node.items[int(step)]
    return None


def _is_key(key: Node, step: str) -> bool:
    return isinstance(key, Scalar) and key_of(key) == step


def _merges(node: Mapping) -> bool:
    return any(isinstance(key, Scalar) and key.text == "<<" and key.style is None for key, _ in node.items)
