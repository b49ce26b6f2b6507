"""Regular expressions that a repository holds, matched in time that grows with the text: nothing is tried twice.

The syntax that Go and Python share is read; which alternative a match takes plays no part. An expression becomes states
between which the characters of a text lead (K. Thompson, Regular Expression Search Algorithm, 1968).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import field

from rewriter.records import dataclass

_LONGEST = 2_000
_MOST_STATES = 10_000
_DEEPEST = 50
#: Sets of states that are remembered, so that like texts cost a look each character.
_MOST_REMEMBERED = 5_000

_CLASS = re.compile(r"\[\^?\]?(?:[^\]\[\\]|\\.)*\]")
_DOUBTFUL_CLASS = re.compile(r"--|&&|\|\||~~")
_GROUP = re.compile(r"\((?:\?:|\?P?<\w+>)?(?!\?)")
_REPEAT = re.compile(r"(?:([*+?])|\{(\d{1,4})(?:(,)(\d{1,4})?)?\})\??")
_BEGIN, _END = ("^", r"\A"), ("$", r"\z", r"\Z")
_TOKEN = re.compile(r"\\.|.", re.DOTALL)

_Holds = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class _Node:
    """`one` a character, `begin` or `end` of the text, `all` of the parts, `any` of them, or `repeat` of the only one.

    `most` None is without end.
    """

    kind: str
    parts: tuple[_Node, ...] = ()
    holds: _Holds | None = None
    least: int = 0
    most: int | None = None


@dataclass(slots=True)
class Expression:
    """A compiled expression. Raises ValueError for one that is wrong, too large, or has more than plain syntax."""

    source: str
    #: For each state what leads on, and where to: a character that holds, `begin`, `end`, or nothing.
    _steps: list[tuple[_Holds | str | None, tuple[int, ...]]] = field(default_factory=list, init=False)
    _start: int = field(default=0, init=False)
    #: The states from which nothing leads on, for an expression that can only match from the text's beginning.
    _dead: frozenset[int] = field(default=frozenset(), init=False)
    _known: dict[tuple[frozenset[int], str], frozenset[int]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        if len(self.source) > _LONGEST:
            raise ValueError("is too long")
        node, position = _alternatives(self.source, 0, 0)
        if position < len(self.source):
            raise ValueError("closes a group that is not open")
        self._start = self._built(node, self._state(None, ()))
        afresh = self._closure((self._start,), begin=False, end=True)
        if all(self._steps[state][0] == "begin" for state in afresh if self._steps[state][0] is not None):
            self._dead = afresh - {0}

    def search(self, text: str) -> bool | None:
        """True where the expression matches somewhere in a text, else None: as `re.search` answers, without a match."""
        states = self._closure((self._start,), begin=True, end=not text)
        for index, character in enumerate(text):
            if 0 in states:
                return True
            states = self._after(states, character, last=index + 1 == len(text))
            if states == self._dead:
                return None
        return True if 0 in states else None

    def _after(self, states: frozenset[int], character: str, *, last: bool) -> frozenset[int]:
        key = (states, character)
        found = None if last else self._known.get(key)
        if found is None:
            reached = [self._start]
            for state in states:
                condition, following = self._steps[state]
                if callable(condition) and condition(character):
                    reached += following
            found = self._closure(reached, begin=False, end=last)
            if not last:
                if len(self._known) >= _MOST_REMEMBERED:
                    self._known.clear()
                self._known[key] = found
        return found

    def _closure(self, states: Iterable[int], *, begin: bool, end: bool) -> frozenset[int]:
        """The states and those that are reached from them without a character. State 0 is the match."""
        found: set[int] = set()
        waiting = list(states)
        while waiting:
            state = waiting.pop()
            if state in found:
                continue
            found.add(state)
            condition, following = self._steps[state]
            if condition is None or (condition == "begin" and begin) or (condition == "end" and end):
                waiting += following
        return frozenset(found)

    def _state(self, condition: _Holds | str | None, following: tuple[int, ...]) -> int:
        if len(self._steps) >= _MOST_STATES:
            raise ValueError("is too large")
        self._steps.append((condition, following))
        return len(self._steps) - 1

    def _built(self, node: _Node, following: int) -> int:
        """The state from which a node leads to the one that follows.

        Each takes a state at least, what means nothing too: so the limit of states is one of the time, as well.
        """
        match node.kind:
            case "one":
                return self._state(node.holds, (following,))
            case "all":
                following = self._state(None, (following,))
                for part in reversed(node.parts):
                    following = self._built(part, following)
                return following
            case "any":
                return self._state(None, tuple(self._built(part, following) for part in node.parts))
            case "repeat":
                return self._repeated(node, following)
            case _:
                return self._state(node.kind, (following,))

    def _repeated(self, node: _Node, following: int) -> int:
        [part] = node.parts
        end = following = self._state(None, (following,))
        if node.most is None:
            following = self._state(None, ())
            self._steps[following] = (None, (self._built(part, following), end))
        for _ in range((node.most or node.least) - node.least):
            following = self._state(None, (self._built(part, following), end))
        for _ in range(node.least):
            following = self._built(part, following)
        return following


def _alternatives(source: str, position: int, depth: int) -> tuple[_Node, int]:
    """The node of an expression up to its end, or to the `)` of the group that it is in; and where that is."""
    if depth > _DEEPEST:
        raise ValueError("is nested too deeply")
    alternatives: list[list[_Node]] = [[]]
    while position < len(source) and source[position] != ")":
        if source[position] == "|":
            alternatives.append([])
            position += 1
            continue
        node, position = _single(source, position, depth)
        repeat = _REPEAT.match(source, position)
        if repeat is not None:
            node = _repeat(node, repeat)
            position = repeat.end()
            if _REPEAT.match(source, position):
                raise ValueError("repeats a repetition")
        alternatives[-1].append(node)
    nodes = tuple(_Node("all", tuple(parts)) for parts in alternatives)
    return nodes[0] if len(nodes) == 1 else _Node("any", nodes), position


def _single(source: str, position: int, depth: int) -> tuple[_Node, int]:
    if source[position] == "(":
        opening = _GROUP.match(source, position)
        if opening is None:
            raise ValueError("has a group that is not plain")
        node, position = _alternatives(source, opening.end(), depth + 1)
        if position == len(source):
            raise ValueError("does not close a group")
        return node, position + 1
    if source[position] == "[":
        found = _CLASS.match(source, position)
        if found is None or _DOUBTFUL_CLASS.search(found[0]):
            raise ValueError("has a class of characters that is not plain")
        return _Node("one", holds=_character(found[0])), found.end()
    if _REPEAT.match(source, position):
        raise ValueError("repeats nothing")
    token = _TOKEN.match(source, position)
    assert token is not None
    return _atom(token[0]), token.end()


def _atom(token: str) -> _Node:
    if token in _BEGIN:
        return _Node("begin")
    if token in _END:
        return _Node("end")
    if token == "\\" or (token[0] == "\\" and token[1].isalnum() and token[1] not in "dDsSwWafnrtv"):
        raise ValueError("has an escape that is not plain")
    return _Node("one", holds=_character(token))


def _character(token: str) -> _Holds:
    """Whether a character is one that a class, an escape or a character of an expression stands for."""
    if len(token) == 1 and token != ".":
        return token.__eq__
    try:
        return re.compile(token, re.ASCII).fullmatch
    except re.error:
        raise ValueError("has a class of characters that is wrong") from None


def _repeat(node: _Node, repeat: re.Match[str]) -> _Node:
    if repeat[1]:
        least, most = {"*": (0, None), "+": (1, None), "?": (0, 1)}[repeat[1]]
    else:
        least = int(repeat[2])
        most = int(repeat[4]) if repeat[4] else None if repeat[3] else least
        if most is not None and most < least:
            raise ValueError("repeats more than it may")
    return _Node("repeat", (node,), least=least, most=most)
