"""From text to documents: libyaml's events, composed into nodes with exact spans."""

from __future__ import annotations

from collections.abc import Mapping as AnyMapping
from functools import partial
from typing import Any

import yaml

from rewriter import patterns as re
from rewriter.yamltext.document import Document, LineIndex
from rewriter.yamltext.errors import Limits, YamlTextError
from rewriter.yamltext.nodes import Alias, Mapping, Node, Scalar, Sequence, Span
from rewriter.yamltext.surrogates import restored, stand_in, whole

_Parser: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DEFAULT_LIMITS = Limits()
_BOM = "\ufeff"
_QUOTES = ("'", '"')
#: What libyaml says of an escape that is no character, with its mark behind the `\u`.
_NO_CHARACTER = "found invalid Unicode character escape code"
_HALF = re.compile(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
#: The header of a block scalar that keeps the blank lines at its end.
_KEEP = re.compile(r"[|>][0-9]?\+")
#: An anchor or tag with the space, comments and line breaks after it.
_PROPERTY = re.compile(r"[&!]\S*(?:[ \t]+|(?:[ \t]#[^\n]*)?\r?\n[ \t]*(?:#[^\n]*\r?\n[ \t]*)*)*")

#: White space that holds a tab.
_TABS = re.compile("[ \\t]*\\t[ \\t]*")


def decode(data: bytes) -> str:
    """UTF-8 bytes as text, a BOM kept as its first character. Raises YamlTextError for anything else."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise YamlTextError("is UTF-16 text, not UTF-8", hint="save it as UTF-8")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise YamlTextError("is not UTF-8 text", line, hint="save it as UTF-8, or leave the file out") from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise YamlTextError("holds NUL characters: not a manifest", line, hint="leave binary files out")
    return text


def parse(text: str, limits: Limits = _DEFAULT_LIMITS) -> list[Document]:
    """The documents of a YAML or JSON text, in order. Raises YamlTextError."""
    if len(text) > limits.max_characters:
        raise YamlTextError(f"has more than {limits.max_characters:,} characters", hint="split the file")
    offset = 1 if text.startswith(_BOM) else 0
    try:
        return _documents(text, offset, limits)
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(error, text) from None
    except yaml.YAMLError as error:
        raise _reader_error(error, text) from None
    except RecursionError:
        raise YamlTextError("is nested too deeply", hint="flatten it") from None


def _documents(text: str, offset: int, limits: Limits) -> list[Document]:
    try:
        return _Composer(text, text, offset, limits).documents()
    except yaml.MarkedYAMLError as error:
        if error.problem != _NO_CHARACTER:
            raise
        scanned = stand_in(text)
        if scanned == text:
            raise
    return _Composer(text, scanned, offset, limits).documents()


def _syntax_error(error: yaml.MarkedYAMLError, text: str) -> YamlTextError:
    mark = error.problem_mark or error.context_mark
    if mark is not None and error.problem == _NO_CHARACTER:
        half = _HALF.match(text, mark.index + text.startswith(_BOM) - 2)
        if half is not None:
            message = f"is not valid YAML: {half[0]} is half of a surrogate pair, and no character"
            return YamlTextError(message, mark.line + 1, mark.column - 1, "write both halves, or the character itself")
    line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
    line = max(1, min(line, len(text.rstrip().split("\n"))))
    problem = error.problem or error.context or "not valid"
    if "\\t" in problem or ("found character" in problem and "\t" in text):
        return YamlTextError(f"is not valid YAML: {problem}", line, column, "indent with spaces, not tabs")
    return YamlTextError(f"is not valid YAML: {problem}", line, column, "correct the syntax here or just above")


def _reader_error(error: yaml.YAMLError, text: str) -> YamlTextError:
    position = getattr(error, "position", None)
    line = text.count("\n", 0, position) + 1 if isinstance(position, int) else 1
    reason = getattr(error, "reason", None) or "characters that YAML does not allow"
    return YamlTextError(f"is not valid YAML: {reason}", line, hint="remove the character")


def _quoted_value(quoted: str) -> str:
    """The value of a double-quoted scalar that stands alone."""
    loader = _Parser(quoted)
    try:
        while type(event := loader.get_event()) is not yaml.ScalarEvent:
            pass
        return str(event.value)
    finally:
        loader.dispose()


class _Composer:
    """Builds nodes from events; `offset` is what the parser does not count (a BOM).

    `scanned` is what the parser reads: the text, or the text with stand-ins for its surrogate pairs.
    """

    def __init__(self, text: str, scanned: str, offset: int, limits: Limits) -> None:
        self._text = text
        self._scanned = scanned
        self._offset = offset
        self._limits = limits
        self._lines = LineIndex(text)

    def _behind_tabs(self, begin: int) -> int:
        """Where a document begins behind its marker: after tabs, with which no text can begin."""
        found = _TABS.match(self._text, begin)
        return found.end() if found is not None else begin

    def documents(self) -> list[Document]:
        offset = self._offset
        documents: list[Document] = []
        loader = _Parser(self._scanned[offset:] if offset else self._scanned)
        begin = 0
        try:
            get_event = loader.get_event
            if self._scanned is not self._text:
                get_event = partial(self._with_surrogates, get_event)
            while True:
                event = get_event()
                kind = type(event)
                if kind is yaml.DocumentStartEvent:
                    # Only the first document may lack a marker.
                    begin = self._behind_tabs(event.end_mark.index + offset) if event.explicit else 0
                    root, event = self._root(get_event)
                    span = Span(begin, event.start_mark.index + offset)
                    documents.append(Document(self._text, len(documents), span, root, self._lines))
                elif kind is yaml.StreamEndEvent:
                    break
        finally:
            loader.dispose()
        if documents and not self._text[documents[-1].span.end :].startswith("..."):
            last = documents[-1]
            span = Span(last.span.start, len(self._text))
            documents[-1] = Document(self._text, last.index, span, last.root, self._lines)
        return documents

    def _root(self, get_event: Any) -> tuple[Node | None, Any]:
        """The root of a document and the event that ends it. One loop for all events: this is where time goes."""
        offset, limit = self._offset, self._limits.max_depth
        stack: list[Any] = []
        keys: list[Any] = []
        anchors: dict[str, Node] = {}
        weights: dict[int, tuple[int, int]] = {}
        aliased = False
        root: Node | None = None
        node: Any
        while True:
            event = get_event()
            kind = type(event)
            if kind is yaml.ScalarEvent:
                start, end = event.start_mark.index + offset, event.end_mark.index + offset
                anchor, tag, style = event.anchor, event.tag, event.style
                if anchor is None and tag is None and style != "|" and style != ">":
                    node = Scalar(event.value, style if style in _QUOTES else None, start, end, None, None, start)
                else:
                    node = self._special_scalar(event, start, end)
                    if anchor is not None:
                        anchors[anchor] = node
                        weights[id(node)] = (1, 1)
            elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
                if len(stack) >= limit:
                    raise self._at(event, f"is nested more than {limit} deep", "flatten it")
                outer = event.start_mark.index + offset
                anchor, tag = event.anchor, event.tag
                start = outer if anchor is None and tag is None else self._after_properties(outer)
                made = Mapping if kind is yaml.MappingStartEvent else Sequence
                node = made(bool(event.flow_style), start, anchor, tag, outer)
                if anchor is not None:
                    anchors[anchor] = node
                stack.append(node)
                keys.append(None)
                continue
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                node = stack.pop()
                keys.pop()
                self._close(node, event.end_mark.index + offset)
                if node.anchor is not None:
                    weights[id(node)] = self._weight(node, weights)
            elif kind is yaml.AliasEvent:
                node = self._alias(event, anchors, weights)
                aliased = True
            else:
                break
            if not stack:
                root = node
            elif isinstance(stack[-1], Sequence):
                stack[-1].items.append(node)
            elif keys[-1] is None:
                keys[-1] = node
            else:
                stack[-1].items.append((keys[-1], node))
                keys[-1] = None
        if aliased and root is not None:
            self._weight(root, weights)
        if isinstance(root, Scalar) and not root.text and root.style is None and root.anchor is None:
            root = None
        return root, event

    def _alias(self, event: Any, anchors: AnyMapping[str, Node], weights: AnyMapping[int, tuple[int, int]]) -> Alias:
        target = anchors.get(event.anchor)
        if target is None:
            raise self._at(event, f"refers to unknown anchor {event.anchor!r}", "define the anchor before it")
        if id(target) not in weights:
            raise self._at(event, f"contains itself through anchor {event.anchor!r}", "remove the alias")
        start, end = event.start_mark.index + self._offset, event.end_mark.index + self._offset
        return Alias(event.anchor, target, start, end)

    def _with_surrogates(self, get_event: Any) -> Any:
        """The next event, with the value that the text has and not its stand-ins."""
        event = get_event()
        kind = type(event)
        if kind is yaml.ScalarEvent:
            start, end = event.start_mark.index + self._offset, event.end_mark.index + self._offset
            source = self._text[start:end]
            if source == self._scanned[start:end]:
                return event
            if event.style == '"':
                event.value = _quoted_value(whole(self._text[self._after_properties(start) : end]))
            else:
                event.value = restored(event.value, source)
        return event

    def _at(self, event: Any, message: str, hint: str) -> YamlTextError:
        return YamlTextError(message, event.start_mark.line + 1, event.start_mark.column + 1, hint)

    def _special_scalar(self, event: Any, start: int, end: int) -> Scalar:
        outer = start
        if event.anchor is not None or event.tag is not None:
            start = min(self._after_properties(start), end)
        if event.style in ("|", ">"):
            end = self._end_of_block_scalar(start, end)
        return Scalar(event.value, event.style or None, start, end, event.anchor, event.tag, outer)

    def _end_of_block_scalar(self, start: int, end: int) -> int:
        """The end of the last line that belongs to the content (blank ones only under `+`), or of the header."""
        content = self._text[start:end].rstrip()
        if _KEEP.match(content) and not self._text[start:end].isspace():
            kept = self._text[start:end]
            content = kept.removesuffix("\n").removesuffix("\r")
        header = self._text.find("\n", start, end)
        return max(start + len(content), start if header < 0 else min(header, start + len(content)))

    def _after_properties(self, position: int) -> int:
        """Where a node's content begins after its anchor and tag."""
        text = self._text
        while True:
            match = _PROPERTY.match(text, position)
            if match is None:
                return position
            position = match.end()

    def _close(self, node: Any, end: int) -> None:
        items = node.items
        if node.flow:
            node.end = end
        elif items:
            last = items[-1]
            node.end = last[1].end if type(last) is tuple else last.end
        if type(node) is Mapping:
            names = {key.text if type(key) is Scalar else id(key) for key, _ in items}
            if len(names) != len(items):
                self._refuse_duplicate(items)

    def _refuse_duplicate(self, items: list[tuple[Node, Node]]) -> None:
        seen: dict[str, int] = {}
        for key, _ in items:
            if isinstance(key, Scalar):
                line, column = self._lines.place(key.start)
                if key.text in seen:
                    message = f"has the key {key.text!r} twice in one mapping, on lines {seen[key.text]} and {line}"
                    raise YamlTextError(message, line, column, "keep one of them")
                seen[key.text] = line

    def _weight(self, node: Node, weights: dict[int, tuple[int, int]]) -> tuple[int, int]:
        """Nodes and depth of a node with its aliases expanded; within the limits, or YamlTextError."""
        known = weights.get(id(node))
        if known is not None:
            return known
        if isinstance(node, Alias):
            return weights[id(node.target)]
        if isinstance(node, Mapping):
            children = [child for pair in node.items for child in pair]
        else:
            children = node.items if isinstance(node, Sequence) else []
        size, depth = 1, 0
        for child in children:
            child_size, child_depth = self._weight(child, weights)
            size += child_size
            depth = max(depth, child_depth)
        if size > self._limits.max_expanded_nodes or depth + 1 > self._limits.max_depth:
            line, column = self._lines.place(node.start)
            raise YamlTextError("grows too large when its aliases are expanded", line, column, "write it out")
        return size, depth + 1
