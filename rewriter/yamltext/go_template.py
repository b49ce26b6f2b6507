"""The lines of a Go template: which are text, which hold actions, and under which blocks each stands.

Source of the rules: Go's text/template, "Text and spaces" and "Actions".
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence

from rewriter import patterns as re
from rewriter.records import dataclass

_OPEN = re.compile(r"\{\{(?:-(?=\s))?")
#: What an action holds before its end: strings, raw strings, characters, anything else that does not end it.
_PIECE = re.compile(r'"(?:[^"\\\n]|\\.)*"|`[^`]*`|\'(?:[^\'\\\n]|\\.)*\'|(?!\}\})[^"`\'{]|\{(?!\{)')
_COMMENT = re.compile(r"\s*/\*.*?\*/\s*", re.DOTALL)
_ASSIGNS = re.compile(r"\s*\$\w*(?:\s*,\s*\$\w*)?\s*:?=")
_WORD = re.compile(r"\s*([A-Za-z]\w*)")
_BLOCKS = frozenset({"if", "with", "range", "define", "block"})
_SILENT = _BLOCKS - {"block"} | {"end", "else", "break", "continue", "fail"}


class TemplateError(ValueError):
    """A text that is no Go template: an action that does not end, or an `end` too many."""


@dataclass(frozen=True, slots=True)
class Action:
    """One `{{ … }}` by its offsets. `word` is its keyword; `prints` says whether it may put text into the result."""

    start: int
    end: int
    word: str
    prints: bool
    trims_after: bool


@dataclass(frozen=True, slots=True)
class Block:
    """An open `if`, `with`, `range`, `define` or `block` by the offset where its branch begins.

    `before` are the offsets of the branches that it is the `else` of.
    """

    word: str
    start: int
    before: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class TemplateLine:
    """A line without its break. `actions` are those that begin or end in it, `blocks` those open where it ends.

    `inner` are the blocks that open and close within the line. `text_end` is the offset after its last character that
    is no space, where a comment may follow unless an action goes on or trims what follows.
    """

    start: int
    text: str
    actions: tuple[Action, ...]
    blocks: tuple[Block, ...]
    inner: frozenset[str]
    text_end: int
    ends_in_action: bool

    @property
    def is_text(self) -> bool:
        """Whether it is rendered as it stands, if it is."""
        return not self.actions

    @property
    def steers(self) -> bool:
        """Whether it holds actions only, none of which prints."""
        if not self.actions or any(action.prints for action in self.actions):
            return False
        return not self.literals().strip()

    def literals(self) -> str:
        """The text outside of its actions."""
        return "".join(self.segments())

    def segments(self) -> list[str]:
        """The texts before, between and after its actions."""
        found = []
        position = self.start
        end = self.start + len(self.text)
        for action in self.actions:
            found.append(self.text[position - self.start : max(action.start - self.start, 0)])
            position = min(action.end, end)
        return [*found, self.text[position - self.start :]]

    def within(self, word: str) -> bool:
        """Whether it stands in a block of this kind, or holds one."""
        return word in self.inner or any(block.word == word for block in self.blocks)


def template_lines(text: str) -> list[TemplateLine]:
    """The lines of a template in order. Raises TemplateError."""
    actions = list(_actions(text))
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    if starts[-1] == len(text):
        starts.pop()
    ends = [action.end for action in actions]
    found = []
    stack: list[Block] = []
    position = 0
    for number, start in enumerate(starts):
        end = starts[number + 1] if number + 1 < len(starts) else len(text)
        before = tuple(stack)
        inner: set[str] = set()
        while position < len(actions) and actions[position].start < end:
            _step(stack, actions[position])
            inner |= {block.word for block in stack if block not in before}
            position += 1
        line = text[start:end].rstrip("\r\n")
        own = _touching(actions, ends, start, start + len(line))
        text_end = start + len(line.rstrip())
        covering = next((action for action in own if action.start < text_end <= action.end), None)
        open_end = covering is not None and (covering.end > text_end or covering.trims_after)
        found.append(TemplateLine(start, line, own, tuple(stack), frozenset(inner), text_end, open_end))
    if stack:
        raise TemplateError("a block does not end")
    return found


def _touching(actions: Sequence[Action], ends: Sequence[int], start: int, end: int) -> tuple[Action, ...]:
    """The actions, whose ends are given, of which a part stands between two offsets."""
    found = []
    for number in range(bisect_right(ends, start), len(actions)):
        if actions[number].start >= end:
            break
        found.append(actions[number])
    return tuple(found)


def _step(stack: list[Block], action: Action) -> None:
    if action.word in _BLOCKS:
        stack.append(Block(action.word, action.start))
    elif action.word in ("end", "else"):
        if not stack:
            raise TemplateError("an end without a block")
        ended = stack.pop()
        if action.word == "else":
            stack.append(Block(ended.word, action.start, (*ended.before, ended.start)))


def _actions(text: str) -> Iterator[Action]:
    position = 0
    while match := _OPEN.search(text, position):
        inside = match.end()
        comment = _COMMENT.match(text, inside)
        end = comment.end() if comment else inside
        while not text.startswith("}}", end):
            piece = _PIECE.match(text, end)
            if piece is None:
                raise TemplateError("an action does not end")
            end = piece.end()
        trims = text[end - 1] == "-" and text[end - 2 : end - 1].isspace()
        word = _WORD.match(text, inside)
        name = word[1] if word else ""
        prints = comment is None and not _ASSIGNS.match(text, inside) and name not in _SILENT
        yield Action(match.start(), end + 2, name if comment is None else "", prints, trims)
        position = end + 2
