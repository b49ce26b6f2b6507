"""Which policies an answer rests on, taken down while it is worked out, so that it may be kept between runs.

A policy that changes turns no answer that did not ask about it: not about those of its namespace, nor about those
that name the namespaces which it names. What is not asked by namespace rests on every policy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

#: Stands for every policy there is.
EVERYTHING = "*"
#: What few policies have, by a word that then stands in them: rules that deny egress, names, exceptions of ranges.
TRAITS = DENIES_EGRESS, NAMES, EXCEPTIONS = "egressDeny", "toFQDNs", "except"


def home(namespace: str | None) -> str:
    """The policies whose subjects are in a namespace (empty or None: clusterwide ones, and others of no one place)."""
    return f"in {namespace or ''}"


def naming(namespace: str) -> str:
    """The policies that may name pods of a namespace as peers."""
    return f"to {namespace}"


def trait(name: str) -> str:
    """The policies in which a word of `TRAITS` stands."""
    return f"with {name}"


#: One object for equal sets of questions, of which there are few.
_SAME: dict[frozenset[str], frozenset[str]] = {}


def same(questions: Iterable[str]) -> frozenset[str]:
    """The questions as a set, one object for all equal ones."""
    found = frozenset(questions)
    return _SAME.setdefault(found, found)


class Record:
    """What is asked while something is judged, by the part of it that asks (None: what is shared by all parts).

    `look` is called with each question before it is answered.
    """

    def __init__(self, look: Callable[[str], None] = lambda _question: None) -> None:
        self.parts: dict[int | None, set[str]] = {}
        self.look = look
        self.open: list[tuple[object, set[str]]] = [(None, self.parts.setdefault(None, set()))]

    def add(self, question: str) -> None:
        self.look(question)
        self.open[-1][1].add(question)

    def close(self, count: int) -> None:
        """Ends the innermost questions until so many are left; what they rest on is also what the outer ones do."""
        while len(self.open) > count:
            _key, found = self.open.pop()
            self.open[-1][1].update(found)


_RECORDS: list[Record] = []


def ask(question: str) -> None:
    """Takes down that what is worked out now rests on these policies."""
    if _RECORDS:
        _RECORDS[-1].add(question)


def ask_all(questions: Iterable[str]) -> None:
    """As `ask`, of several."""
    if _RECORDS:
        for question in questions:
            _RECORDS[-1].add(question)


@contextmanager
def recording(record: Record) -> Iterator[Record]:
    """What is asked meanwhile goes to a record."""
    _RECORDS.append(record)
    try:
        yield record
    finally:
        record.close(1)
        _RECORDS.remove(record)


@contextmanager
def part(number: int) -> Iterator[None]:
    """What is asked meanwhile rests with a part of what is judged."""
    if not _RECORDS:
        yield
        return
    record = _RECORDS[-1]
    own = record.parts.setdefault(number, set())
    count = len(record.open)
    record.open.append((None, own))
    try:
        yield
    finally:
        record.close(count + 1)
        record.open.pop()


class Answers(dict[tuple[object, ...], Any]):
    """Answers that many questions share: who takes one that is there rests on what it rests on.

    What is looked for and not there is worked out next, and put there: what is asked until then is what it rests on.
    """

    def __init__(self) -> None:
        super().__init__()
        self._rests: dict[object, frozenset[str]] = {}

    def __contains__(self, key: object) -> bool:
        there = super().__contains__(key)
        if there:
            ask_all(self._rests.get(key, ()))
        elif _RECORDS:
            _RECORDS[-1].open.append(((id(self), key), set()))
        return there

    def __getitem__(self, key: tuple[object, ...]) -> Any:
        ask_all(self._rests.get(key, ()))
        return super().__getitem__(key)

    def __setitem__(self, key: tuple[object, ...], value: Any) -> None:
        if _RECORDS:
            record = _RECORDS[-1]
            place = next((n for n in range(len(record.open) - 1, 0, -1) if record.open[n][0] == (id(self), key)), None)
            if place is None:  # It was not looked for: all that was asked so far may be behind it.
                self._rests[key] = frozenset().union(*(found for _, found in record.open))
            else:
                record.close(place + 1)
                self._rests[key] = frozenset(record.open[place][1])
                record.close(place)
        super().__setitem__(key, value)

    def get(self, key: tuple[object, ...], default: Any = None) -> Any:
        if key in self:
            return self[key]
        return default

    def setdefault(self, key: tuple[object, ...], default: Any = None) -> Any:
        if key not in self:
            self[key] = default
        return self[key]
