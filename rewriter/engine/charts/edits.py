"""From a change of what a template renders to a change of the template: only where the lines are literal text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from rewriter import patterns as re
from rewriter import yamltext
from rewriter.engine.charts.renderings import RenderedDocument
from rewriter.records import dataclass
from rewriter.yamltext.go_template import TemplateLine

IN_RANGE = "the text stands inside `range`, which renders it more than once"
FILLED_IN = "the text comes from what the template fills in"
COPIES = "the fix would copy `{}`, which the template fills in"
EDGE = "the change stands at the edge of a condition of the template"
IN_RULE = "markup of the template stands in the rule that changes, and may put more into it"
BETWEEN = "markup of the template stands between the lines that change"
_RULES = re.compile(r"^[ -]*(?:in|e)gress(?:Deny)?:[ \t]*(?:#.*)?$")
_NINDENT = re.compile(r"\bn?indent\s+(\d+)")
_WORD_PART = r"[\w./-]"


class NotLiteralError(Exception):
    """A change that is not one of literal text: why, in words."""


@dataclass(frozen=True, slots=True, order=True)
class LineEdit:
    """Template lines `first` up to `last` (0-based, exclusive; equal: an insertion before it) give way to others."""

    first: int
    last: int
    new: tuple[str, ...]


def template_edits(template: Sequence[TemplateLine], document: RenderedDocument, changed: str) -> Iterator[LineEdit]:
    """The edits of a template by which a rendered document becomes the changed text. Raises NotLiteralError."""
    old, new = document.text.split("\n"), changed.split("\n")
    made = _Edits(template, document, old)
    for tag, start, end, new_start, new_end in yamltext.opcodes(old, new):
        if tag == "insert":
            yield made.inserted(start, new[new_start:new_end])
        elif tag != "equal":
            yield from made.replaced(start, end, new[new_start:new_end])


def apply_edits(text: str, lines: Sequence[TemplateLine], edits: Sequence[LineEdit]) -> str:
    """The template's text with edits made. Raises NotLiteralError where two are for the same place."""
    ordered = sorted(set(edits))
    for one, other in pairwise(ordered):
        if other.first < one.last or (one.first, one.last) == (other.first, other.last):
            raise NotLiteralError("two releases need different changes of the same text")
    ending = "\r\n" if "\r\n" in text else "\n"
    for edit in reversed(ordered):
        start = lines[edit.first].start if edit.first < len(lines) else len(text)
        end = lines[edit.last].start if edit.last < len(lines) else len(text)
        added = "".join(line + ending for line in edit.new)
        if start == len(text) and text and not text.endswith("\n"):
            added = ending + added.removesuffix(ending)
        elif end == len(text) and not text.endswith("\n"):
            added = added.removesuffix(ending)
        text = text[:start] + added + text[end:]
    return text


class _Edits:
    def __init__(self, template: Sequence[TemplateLine], document: RenderedDocument, old: Sequence[str]) -> None:
        self._template = template
        self._document = document
        self._old = old
        self._outputs = {
            output
            for number, line in enumerate(old)
            for output in self._filled_in(number, line)
            # A key alone is a field of the policy, no value.
            if re.search(r"\w", output) and not output.endswith(":")
        }

    def _filled_in(self, number: int, line: str) -> Iterator[str]:
        """What the template fills into a rendered line."""
        at = self._document.lines[number]
        if at is None:
            return
        source = self._template[at]
        if source.is_text:
            return
        found = outputs_in(source, line) if self._document.whole[number] else None
        if found is None:
            yield line.strip().removeprefix("- ").strip("\"'")
            yield from (part.strip("\"' ") for part in re.split(r"[:,\[\]{}]\s", line.strip()) if part.strip("\"' -"))
        else:
            yield from (output.strip().strip("\"'") for output in found)

    def replaced(self, start: int, end: int, new: Sequence[str]) -> Iterator[LineEdit]:
        """The edit for rendered lines that give way to others."""
        while start < end and not self._old[end - 1].strip():
            end -= 1
        rows = [row for row in range(start, end) if self._old[row].strip()]
        if not rows:
            yield self.inserted(start, new)
            return
        places = [self._place(row) for row in rows]
        if any(later != earlier + 1 and not self._only_blank(earlier, later) for earlier, later in pairwise(places)):
            raise NotLiteralError(BETWEEN)
        if len({self._template[place].blocks for place in places}) > 1:
            raise NotLiteralError(EDGE)
        mixed = [place for place in places if not self._template[place].is_text]
        if mixed:
            if len(rows) != 1 or len(new) != 1:
                raise NotLiteralError(FILLED_IN)
            yield LineEdit(places[0], places[0] + 1, (self._rewritten(rows[0], places[0], new[0]),))
            return
        if [_lead(self._old[row]) for row in rows] != [_lead(line) for line in new if line.strip()]:
            self._check_rule(rows[0])
            self._check_rule(rows[-1])
        yield LineEdit(places[0], places[-1] + 1, self._escaped(new, self._old[start:end]))

    def inserted(self, at: int, new: Sequence[str]) -> LineEdit:
        """The edit for lines that come in before a rendered line."""
        written = [line for line in new if line.strip()]
        if not written:
            raise NotLiteralError(BETWEEN)
        indent = min(_indent(line) for line in written)
        before = next((row for row in range(at - 1, -1, -1) if self._old[row].strip()), None)
        if before is None:
            raise NotLiteralError(EDGE)
        parent = next(
            (
                row
                for row in range(before, -1, -1)
                if self._old[row].strip() and _above(self._old[row], written[0], indent)
            ),
            before,
        )
        place, above = self._anchor(before), self._anchor(parent)
        if self._template[place].blocks != self._template[above].blocks:
            raise NotLiteralError(EDGE)
        self._check_rule(before)
        if at < len(self._old) and self._old[at].strip():
            self._check_rule(at)
        return LineEdit(place + 1, place + 1, self._escaped(new, ()))

    def _check_rule(self, row: int) -> None:
        """Raises where the rule around a rendered line has markup that puts in lines, now or with other values.

        A rule that gets or loses lines is not what it was for what such markup puts into it.
        """
        start, end = self._rule(row)
        places = [place for place in self._document.lines[start : end + 1] if place is not None]
        following = next((place for place in self._document.lines[end + 1 :] if place is not None), None)
        first, last = self._template[min(places)], max(places)
        for number in range(min(places), len(self._template) if following is None else following):
            line = self._template[number]
            if not line.text.strip():
                continue
            if number > last:
                if line.steers:
                    continue
                if _column(line) <= _indent(self._old[start]):
                    break
            if line.inner or line.blocks != first.blocks or _fills_lines(line):
                raise NotLiteralError(IN_RULE)

    def _rule(self, row: int) -> tuple[int, int]:
        """The rendered lines of the rule around a line: an item of a list of rules; the line alone where none is."""
        start = row
        for above in range(row - 1, -1, -1):
            line = self._old[above]
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            here = self._old[start]
            beside = _indent(line) == _indent(here) and _is_item(here) and not _is_item(line)
            if _indent(line) < _indent(here) or beside:
                if _RULES.match(line):
                    return start, self._end(start)
                start = above
        return row, row

    def _end(self, start: int) -> int:
        """The last line of the item that begins at a line."""
        end = start
        for below in range(start + 1, len(self._old)):
            if self._old[below].strip():
                if _indent(self._old[below]) <= _indent(self._old[start]):
                    break
                end = below
        return end

    def _anchor(self, row: int) -> int:
        """The template line of a rendered line after which text may come in."""
        place = self._document.lines[row]
        if place is None or not self._document.whole[row]:
            raise NotLiteralError(FILLED_IN)
        if self._template[place].within("range"):
            raise NotLiteralError(IN_RANGE)
        return place

    def _place(self, row: int) -> int:
        """The template line of a rendered line that changes."""
        place = self._anchor(row)
        line = self._template[place]
        if line.is_text and line.text.rstrip() != self._old[row].rstrip():
            raise NotLiteralError(FILLED_IN)
        return place

    def _only_blank(self, earlier: int, later: int) -> bool:
        return later > earlier and not any(self._template[n].text.strip() for n in range(earlier + 1, later))

    def _rewritten(self, row: int, place: int, new: str) -> str:
        """A template line that fills in something, with the change of a literal part of it."""
        line = self._template[place]
        old = self._old[row]
        outputs = outputs_in(line, old)
        if outputs is None:
            raise NotLiteralError(FILLED_IN)
        head, tail = _common(old, new)
        segments = line.segments()
        position = 0
        for number, segment in enumerate(segments):
            end = position + len(segment)
            if position <= head and len(old) - tail <= end:
                changed = (
                    segment[: head - position] + new[head : len(new) - tail] + segment[len(old) - tail - position :]
                )
                self._check(new[head : len(new) - tail], old)
                parts = [*segments[:number], _literal(changed), *segments[number + 1 :]]
                actions = [line.text[a.start - line.start : a.end - line.start] for a in line.actions]
                return "".join(part + action for part, action in zip(parts, [*actions, ""], strict=True))
            position = end + (len(outputs[number]) if number < len(outputs) else 0)
        raise NotLiteralError(FILLED_IN)

    def _escaped(self, new: Sequence[str], old: Sequence[str]) -> tuple[str, ...]:
        known = "\n".join(old)
        for line in new:
            self._check(line, known)
        return tuple(map(_literal, new))

    def _check(self, text: str, known: str) -> None:
        """Raises where text holds what the template fills in, unless the text that it replaces holds it too."""
        for output in self._outputs:
            pattern = rf"(?<!{_WORD_PART}){re.escape(output)}(?!{_WORD_PART})"
            if re.search(pattern, text) and not re.search(pattern, known):
                raise NotLiteralError(COPIES.format(output))


def _fills_lines(line: TemplateLine) -> bool:
    """Whether all of a line is put in by the template."""
    return bool(line.actions) and not line.steers and not line.literals().strip(" -")


def _column(line: TemplateLine) -> int:
    """Where what a line puts in begins: as it is written, or as `nindent` says."""
    found = _NINDENT.search(line.text) if _fills_lines(line) else None
    return int(found[1]) if found else _indent(line.text)


def _lead(line: str) -> str:
    """The indentation and dashes before the content of a line, which say where it belongs."""
    return line[: len(line) - len(line.lstrip(" -"))]


def _is_item(line: str) -> bool:
    return line.lstrip().startswith("-")


def outputs_in(line: TemplateLine, rendered: str) -> list[str] | None:
    """What each action of a template line printed into a rendered line; None where that has more than one answer."""
    segments = [re.escape(segment) for segment in line.segments()]
    segments[-1] = segments[-1].rstrip("\\ ") if segments[-1].endswith("\\ ") else segments[-1]
    lazy = re.fullmatch("(.*?)".join(segments) + r"[ \t]*", rendered)
    greedy = re.fullmatch("(.*)".join(segments) + r"[ \t]*", rendered)
    if lazy is None or greedy is None or lazy.groups() != greedy.groups():
        return None
    return list(lazy.groups())


def _above(line: str, new: str, indent: int) -> bool:
    """Whether a line holds what comes in: it stands further to the left, or is the key of a list at its own column."""
    own = _indent(line)
    if own < indent:
        return True
    return own == indent and new.lstrip().startswith("- ") and not line.lstrip().startswith(("- ", "#"))


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _common(old: str, new: str) -> tuple[int, int]:
    """How many characters two lines have in common at their beginning, and at their end."""
    shorter = min(len(old), len(new))
    head = next((n for n in range(shorter) if old[n] != new[n]), shorter)
    tail = next((n for n in range(shorter - head) if old[-1 - n] != new[-1 - n]), shorter - head)
    return head, tail


def _literal(text: str) -> str:
    return text.replace("{{", '{{ "{{" }}')
