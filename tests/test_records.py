"""`rewriter.records.dataclass` against that of the standard library: the same classes, used in the same way."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError, field, fields, replace
from functools import cached_property, partial
from typing import Any

import pytest

from rewriter import records


def _classes(dataclass: Any) -> dict[str, Any]:
    @dataclass(frozen=True, slots=True)
    class Plain:
        """A plain one."""

        a: int
        b: str = "b"
        c: tuple[int, ...] = ()

    @dataclass(frozen=True, slots=True)
    class Made:
        a: int
        b: list[int] = field(default_factory=list)
        c: dict[str, int] = field(default_factory=dict, init=False, repr=False, compare=False)
        d: int = field(default=4, init=False)
        e: int = field(default=5, hash=False)

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Named:
        a: int
        b: int = 2

    @dataclass(frozen=True, slots=True)
    class Below(Named):
        c: int  # type: ignore[misc]  # those above are given by name
        d: int = 4

    @dataclass(frozen=True, slots=True, order=True)
    class Ordered:
        a: int
        b: str = field(default="", compare=False)

    @dataclass(frozen=True, slots=True, eq=False)
    class Own:
        a: int

    @dataclass(slots=True)
    class Open:
        a: int
        b: int = 2

        def __post_init__(self) -> None:
            self.b += self.a

    @dataclass(frozen=True)
    class Cached:
        a: int

        @cached_property
        def twice(self) -> int:
            return self.a * 2

    @dataclass(frozen=True, slots=True)
    class Shown:
        a: int

        def __eq__(self, other: object) -> bool:
            return True

        def __repr__(self) -> str:
            return "shown"

    @dataclass
    class Empty:
        pass

    return {name: value for name, value in locals().items() if isinstance(value, type)}


OURS, THEIRS = _classes(records.dataclass), _classes(dataclasses.dataclass)
#: More calls than a method takes before it is compiled.
MANY = 60
CALLS: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("Plain", (1,), {}),
    ("Plain", (1, "x"), {"c": (3,)}),
    ("Plain", (), {"a": 1, "c": (2,)}),
    ("Plain", (), {}),
    ("Plain", (1, 2, 3, 4), {}),
    ("Plain", (1,), {"other": 2}),
    ("Made", (1,), {}),
    ("Made", (1, [2]), {"e": 3}),
    ("Made", (1,), {"d": 2}),
    ("Named", (), {"a": 1}),
    ("Named", (1,), {}),
    ("Below", (3,), {"a": 1, "b": 5}),
    ("Below", (3, 4), {"a": 1}),
    ("Ordered", (1, "x"), {}),
    ("Own", (1,), {}),
    ("Open", (1,), {}),
    ("Open", (2,), {"b": 7}),
    ("Cached", (1,), {}),
    ("Shown", (1,), {}),
    ("Empty", (), {}),
    ("Empty", (1,), {}),
]


def _outcome(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except (TypeError, FrozenInstanceError, AttributeError) as error:
        return f"{type(error).__name__}: {error}"


def _used(made: Any) -> Any:
    """A class of which everything was called often."""
    for _ in range(MANY):
        for given, named in ((given, named) for name, given, named in CALLS if name == made.__name__):
            for question in QUESTIONS.values():
                _outcome(partial(_answer, made, given, named, question))
    return made


def _answer(made: Any, given: tuple[Any, ...], named: dict[str, Any], question: Callable[[Any], Any]) -> Any:
    return question(made(*copy.deepcopy(given), **copy.deepcopy(named)))


QUESTIONS: dict[str, Callable[[Any], Any]] = {
    "values": lambda made: [getattr(made, each.name) for each in fields(made)],
    "repr": lambda made: repr(made).replace("object at 0x", "")[:60] if type(made).__name__ != "Own" else "",
    "copies are equal": lambda made: (copy.copy(made) == made, copy.deepcopy(made) == made),
    "equal to another kind": lambda made: made == 1,
    "hash": lambda made: hash(made) == hash(copy.copy(made)),
    "in order": lambda made: [made < made, made <= made, made > made, made >= made],
    "replaced": lambda made: getattr(replace(made, a=9), "a", None),
    "set": lambda made: setattr(made, "a", 9),
    "removed": lambda made: delattr(made, "a"),
    "a new name": lambda made: setattr(made, "new", 9),
    "as tuple": dataclasses.astuple,
    "cached": lambda made: (made.twice, made.twice),
    "patterns": lambda made: type(made).__match_args__,
}


@pytest.fixture(scope="module")
def often() -> dict[str, Any]:
    return {name: _used(made) for name, made in _classes(records.dataclass).items()}


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize(("name", "given", "named"), CALLS, ids=str)
def test_it_is_as_that_of_the_standard_library(
    name: str, given: tuple[Any, ...], named: dict[str, Any], question: str, often: dict[str, Any]
) -> None:
    """When it is new, and once its methods were called so often that they are compiled."""
    new = _classes(records.dataclass)
    first, later, theirs = (
        _outcome(partial(_answer, classes[name], given, named, QUESTIONS[question])) for classes in (new, often, THEIRS)
    )
    if question == "a new name" and str(theirs).startswith(("TypeError: super", "AttributeError: ")):
        assert "new" in first and "new" in later  # 3.11 words it as what its own class made of it.
    else:
        assert first == theirs
        assert later == theirs


def test_two_of_equal_values_are_one_in_a_set() -> None:
    made = OURS["Plain"]
    assert len({made(1), made(1), made(2), made(1, "b")}) == 2


def test_values_that_do_not_count_do_not_tell_two_apart() -> None:
    ordered = OURS["Ordered"]
    assert ordered(1, "x") == ordered(1, "y")
    assert sorted([ordered(2), ordered(1)]) == [ordered(1), ordered(2)]


def test_each_has_a_list_of_its_own() -> None:
    assert OURS["Made"](1).b is not OURS["Made"](1).b


@records.dataclass(frozen=True, slots=True)
class Sent:
    """One that goes to another process."""

    a: int
    b: tuple[str, ...] = ()


def test_it_goes_to_another_process_and_back() -> None:
    assert pickle.loads(pickle.dumps(Sent(1, ("x",)))) == Sent(1, ("x",))
