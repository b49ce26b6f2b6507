"""RFC 6902 operations made on the text itself: what no operation touches stays byte for byte."""

from __future__ import annotations

from collections.abc import Mapping as AnyMapping
from collections.abc import Sequence as List
from dataclasses import replace
from typing import Any, NamedTuple

from rewriter import patterns as re
from rewriter.yamltext import block_edit, flow_edit
from rewriter.yamltext.document import Document, equal, node_at, plain
from rewriter.yamltext.errors import EditError, YamlTextError
from rewriter.yamltext.gaps import scalars
from rewriter.yamltext.lines import line_start
from rewriter.yamltext.literal import set_literal
from rewriter.yamltext.lowering import list_operations, mapping_operations
from rewriter.yamltext.move import moved_member, raised_member
from rewriter.yamltext.nodes import Mapping, Node, Scalar, Sequence
from rewriter.yamltext.orphans import Orphans
from rewriter.yamltext.parse import parse
from rewriter.yamltext.render import block, flow, scalar, stays_plain
from rewriter.yamltext.route import Target, refuse_merged, refuse_shared, resolve_target
from rewriter.yamltext.runs import Added, Run, Trail, run_of_items
from rewriter.yamltext.sight import Sight, common_start, in_any_order
from rewriter.yamltext.splice import Splice, spliced
from rewriter.yamltext.style import Style

#: A lone CR, NEL, LS, PS: line breaks of YAML 1.1.
_OTHER_BREAKS = re.compile("\r(?!\n)|[\u0085\u2028\u2029]")

Operation = AnyMapping[str, Any]


def edit(text: str, document_index: int, operations: List[Operation]) -> str:
    """The text with the operations made in one of its documents, in order.

    The new document's value is what RFC 6902 makes of the old one. Raises EditError where that cannot be done
    without touching more than it should (aliases, merge keys, tags, templates).
    """
    return edit_many(text, {document_index: operations})


def edit_document(document: Document, operations: List[Operation]) -> str:
    """The text of one document, and of nothing else of its file, with the operations made in it."""
    return Editor(document).edit(operations)


class Editor:
    """Edits one document again and again; the cost of an edit follows what it changes where edits go up the text.

    `text` is what has become of the document so far.
    """

    __slots__ = ("_document", "_same", "_sight", "_start", "text")

    def __init__(self, document: Document) -> None:
        self.text = document.text[document.span.start : document.span.end]
        self._document: Document | None = document
        self._same = document.span.end + 1
        self._start = document.span.start
        self._sight = Sight(document) if len(self.text) == len(document.text) else Sight(_document(self.text))

    def unchanged_before(self, offset: int) -> bool:
        """Whether all before an offset of the document's text is as it was before the first edit."""
        return offset < self._same

    def edit(self, operations: List[Operation]) -> str:
        """The new text, with the operations made in order. Raises EditError, after which the text is as it was."""
        if _has_other_breaks(self.text):
            _refuse_other_breaks(self._document or _document(self.text), self.text)
        state = _State("\r\n" if "\r\n" in self.text else "\n", Orphans(), self._sight.copy(), Trail())
        edited = _edited(self.text, in_any_order(self._sight, operations), state)
        if state.orphans:
            edited = state.orphans.settled(_document(edited), state.newline)
            state.sight.changed(self.text, edited)
        self._same = min(self._same, self._start + common_start(self.text, edited))
        self.text, self._sight, self._document = edited, state.sight, None
        return edited


class _State(NamedTuple):
    """What the operations on one document share: its line ends, comments that lost their nodes, and what is read."""

    newline: str
    orphans: Orphans
    sight: Sight
    trail: Trail


def _has_other_breaks(text: str) -> bool:
    """Whether a text has line breaks that are refused. Nearly every text is ASCII without CR, which shows at once."""
    return not (text.isascii() and "\r" not in text) and _OTHER_BREAKS.search(text) is not None


def _refuse_other_breaks(document: Document, text: str) -> None:
    """Characters that end a line for YAML, but not for editors and git, are refused: they count differently."""
    if not _has_other_breaks(text):
        return
    position = document.span.start
    gaps = [(scalar.start, scalar.end) for scalar in scalars(document.root) if scalar.style is not None]
    for start, end in [*gaps, (document.span.end, document.span.end)]:
        found = _OTHER_BREAKS.search(document.text, position, start)
        if found is not None:
            line, _ = document.lines.place(found.start())
            raise EditError(f"line {line} holds a line break other than LF and CRLF")
        position = end


def edit_many(text: str, operations: AnyMapping[int, List[Operation]]) -> str:
    """The same for several documents of a text at once; the cost grows with the documents, not their square."""
    documents = parse(text)
    splices = []
    for index, wanted in operations.items():
        if index >= len(documents):
            raise EditError(f"there is no document {index}")
        span = documents[index].span
        splices.append(Splice(span.start, span.end, edit_document(documents[index], wanted)))
    return spliced(text, splices)


def _edited(text: str, operations: List[Operation], state: _State) -> str:
    """The text of one document with operations made in it."""
    position = 0
    while position < len(operations):
        run = _run(text, operations[position:], operations[max(0, position - 2) : position], state)
        if run is not None:
            for step in run.operations:
                state.orphans.added(step["path"], in_list=int(step["path"].rpartition("/")[2]))
            text = run.text
            state.sight.anew(run.document)
            position += len(run.operations)
            continue
        operation = operations[position]
        following = operations[position + 1] if position + 1 < len(operations) else None
        document = state.sight.of(text, operation, following) or state.sight.anew(_document(text))
        before = text
        if following is not None and _is_swap(document, operation, following):
            text = _swap(text, document, operation["path"], following, state)
            position += 2
        else:
            text = _apply(text, document, operation, state)
            position += 1
        state.sight.changed(before, text)
    return text


def _run(text: str, operations: List[Operation], before: List[Operation], state: _State) -> Run | None:
    """The items that go on after the two that the last operations added; None where these added none."""
    return run_of_items(
        text, before, operations, state.trail, _document, lambda document, at: _style(document, at, state)
    )


def _document(text: str) -> Document:
    try:
        documents = parse(text)
    except YamlTextError as error:
        raise EditError(f"the edit would leave a text that does not parse ({error.message})") from None
    if len(documents) != 1:
        raise EditError("there is no document to edit")
    return documents[0]


def _apply(text: str, document: Document, operation: Operation, state: _State) -> str:
    path = operation["path"]
    match operation["op"]:
        case "test":
            if _value(document, path) != operation["value"]:
                raise EditError("the value is not the one expected", path)
            return text
        case "add":
            return _add(text, document, path, operation["value"], state)
        case "replace":
            if node_at(document, path) is None:
                raise EditError("there is nothing to replace", path)
            return _replace(text, document, path, operation["value"], state)
        case "remove":
            return _remove(text, document, path, state)
        case "copy":
            return _add(text, document, path, _value(document, operation["from"]), state)
        case "move":
            if operation["from"] == path and node_at(document, path) is not None:
                return text
            kept = moved_member(text, document, operation["from"], path)
            if kept is None:
                kept = raised_member(text, document, operation["from"], path)
            if kept is not None:
                return kept
            value = _value(document, operation["from"])
            return _edited(
                text, [{"op": "remove", "path": operation["from"]}, {"op": "add", "path": path, "value": value}], state
            )
        case other:
            raise EditError(f"unknown operation {other!r}", path)


def _value(document: Document, path: str) -> Any:
    node = node_at(document, path)
    if node is None:
        raise EditError("there is no such place in the document", path)
    return plain(node)


def _add(text: str, document: Document, path: str, value: Any, state: _State) -> str:
    target = resolve_target(document, path)
    parent = target.parent
    if parent is None or (isinstance(parent, Mapping) and target.exists):
        return _replace(text, document, path, value, state)
    style = _style(document, _neighbour(parent, target.index), state)
    key = target.token if isinstance(parent, Mapping) else None
    _refuse_explicit_keys(text, parent, path)
    if not parent.items and not _in_flow(document, path):
        whole = {key: value} if key is not None else [value]
        edited = _set(text, document, path.rsplit("/", 1)[0], whole, state)
        state.orphans.added(path, in_list=None if isinstance(parent, Mapping) else 0)
        return edited
    state.orphans.added(path, in_list=None if isinstance(parent, Mapping) else target.index)
    if parent.flow:
        return spliced(text, flow_edit.add(text, parent, target.index, key, value, style))
    if isinstance(parent, Mapping):
        assert key is not None
        return spliced(text, block_edit.add_member(text, parent, key, value, style, document.comments))
    splices = block_edit.add_item(text, parent, target.index, value, style, document.comments)
    state.trail.added.append(Added(path, splices[0]))
    return spliced(text, splices)


def _in_flow(document: Document, path: str) -> bool:
    """Whether the empty container above a path stands inside a flow collection."""
    above = path.rsplit("/", 1)[0]
    if not above:
        return True
    container = node_at(document, above.rsplit("/", 1)[0])
    return isinstance(container, Mapping | Sequence) and container.flow


def _remove(text: str, document: Document, path: str, state: _State) -> str:
    target = resolve_target(document, path)
    parent = target.parent
    if parent is None or not target.exists:
        raise EditError("there is nothing to remove", path)
    refuse_shared(document, _item(parent, target.index), path)
    refuse_merged(parent, path)
    _refuse_explicit_keys(text, parent, path)
    if len(parent.items) == 1:
        return _set(text, document, path.rsplit("/", 1)[0], {} if isinstance(parent, Mapping) else [], state)
    style = _style(document, parent.start, state)
    if parent.flow:
        splices, lost = flow_edit.remove(text, parent, target.index, style, document.comments)
    elif isinstance(parent, Mapping):
        splices, lost = block_edit.remove_member(text, parent, target.index, style, document.comments)
    else:
        splices, lost = block_edit.remove_item(text, parent, target.index, style, document.comments)
    start = _start(document, target)
    state.orphans.removed(path, text, lost, start, in_list=isinstance(parent, Sequence))
    return spliced(text, splices)


def _is_swap(document: Document, operation: Operation, following: Operation) -> bool:
    """Whether two operations put one member of a mapping in the place of another."""
    if operation["op"] != "remove" or following["op"] != "add":
        return False
    above = operation["path"].rpartition("/")[0]
    if following["path"].rpartition("/")[0] != above or node_at(document, following["path"]) is not None:
        return False
    parent = node_at(document, above)
    return isinstance(parent, Mapping) and node_at(document, operation["path"]) is not None


def _swap(text: str, document: Document, path: str, following: Operation, state: _State) -> str:
    target = resolve_target(document, path)
    parent = target.parent
    assert isinstance(parent, Mapping)
    refuse_shared(document, _item(parent, target.index), path)
    _refuse_explicit_keys(text, parent, path)
    key = resolve_target(document, following["path"]).token
    node, value = parent.items[target.index]
    if equal(plain(value), following["value"]) and node.anchor is None:
        # Only the name changes: the value stays as it is written, with all comments in it.
        style = _style(document, node.start, state)
        name = scalar(key, style, node.style if isinstance(node, Scalar) else None)
        return spliced(text, [Splice(node.start, node.end, name)])
    style = _style(document, parent.items[target.index][1].start, state)
    change = flow_edit.set_member if parent.flow else block_edit.set_member
    state.orphans.added(following["path"])
    return spliced(text, change(text, parent, target.index, key, following["value"], style, document.comments))


def _replace(text: str, document: Document, path: str, value: Any, state: _State) -> str:
    """A new value at a place that exists; containers of one kind are compared, and only what differs changes."""
    node = node_at(document, path)
    old = plain(node) if node is not None else None
    if equal(old, value):
        return text
    if isinstance(old, dict) and isinstance(value, dict) and old and value:
        return _edited(text, mapping_operations(path, old, value), state)
    if isinstance(old, list) and isinstance(value, list) and old and value:
        return _edited(text, list_operations(path, old, value), state)
    return _set(text, document, path, value, state)


def _set(text: str, document: Document, path: str, value: Any, state: _State) -> str:
    """A new value written over the old one."""
    state.orphans.replaced(path)
    target = resolve_target(document, path)
    style = _style(document, _start(document, target), state)
    parent = target.parent
    if parent is None:
        return _set_root(text, document, value, style)
    if not target.exists:
        raise EditError("there is nothing to replace", path)
    old = _item(parent, target.index)
    refuse_shared(document, old, path)
    simple = isinstance(old, Scalar) and old.start < old.end and old.style not in ("|", ">")
    if isinstance(old, Scalar) and simple and not isinstance(value, dict | list):
        quote = old.style if isinstance(value, str) else None
        plain_there = isinstance(value, str) and not parent.flow and stays_plain(text[old.start : old.end], value)
        new = str(value) if plain_there else scalar(value, style, quote)
        return spliced(text, [Splice(old.start, old.end, new)])
    literal = set_literal(text, old, value, style) if isinstance(old, Scalar) and isinstance(value, str) else None
    if literal is not None:
        return spliced(text, literal)
    found = document.comments
    if parent.flow:
        return spliced(text, flow_edit.set_value(text, old, value, style, found))
    _refuse_explicit_keys(text, parent, path)
    if isinstance(parent, Mapping):
        return spliced(text, block_edit.set_member(text, parent, target.index, None, value, style, found))
    return spliced(text, block_edit.set_item(text, parent, target.index, value, style, found))


def _set_root(text: str, document: Document, value: Any, style: Style) -> str:
    root = document.root
    if root is None or any(root.start <= comment.span.start < root.end for comment in document.comments):
        raise EditError("the whole document would have to be rewritten")
    new = flow(value, style) if style.json else style.newline.join(block(value, 0, style))
    return spliced(text, [Splice(root.start, root.end, new)])


def _style(document: Document, position: int, state: _State) -> Style:
    return replace(document.habits.near(position), newline=state.newline)


def _start(document: Document, target: Target) -> int:
    if target.parent is None:
        return document.span.start
    return _item(target.parent, target.index).start if target.exists else target.parent.start


def _neighbour(parent: Mapping | Sequence, index: int) -> int:
    """Where the item stands that a new one at an index is to look like: the one before it."""
    return _item(parent, max(0, min(index, len(parent.items)) - 1)).start if parent.items else parent.start


def _item(parent: Mapping | Sequence, index: int) -> Node:
    return parent.items[index][1] if isinstance(parent, Mapping) else parent.items[index]


def _refuse_explicit_keys(text: str, parent: Mapping | Sequence, path: str) -> None:
    """`? key` entries are rare and not edited around."""
    if isinstance(parent, Mapping) and not parent.flow:
        for key, _ in parent.items:
            if text[line_start(text, key.outer) : key.outer].rstrip(" ").endswith("?"):
                raise EditError("the mapping has explicit keys (? key)", path)
