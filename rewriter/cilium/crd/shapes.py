"""The few kinds of value that the schemas of Cilium's CRDs know, and what each demands.

A CRD's schema (apiextensions.k8s.io/v1) is structural: every field has a type, what it does not name is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field

from rewriter.records import dataclass


@dataclass(frozen=True, slots=True)
class Text:
    """A string. `enum` lists the values allowed (empty: any), `pattern` is searched in it, as the API server does.

    `shown` is the pattern as messages give it, `cidr` the OpenAPI format of that name, `strict_cidr` what the function
    isCIDR of validation rules takes: no IPv4 address in the form of an IPv6 one.
    """

    enum: tuple[str, ...] = ()
    pattern: re.Pattern[str] | None = None
    shown: str = ""
    max_length: int | None = None
    min_length: int = 0
    cidr: bool = False
    strict_cidr: bool = False


@dataclass(frozen=True, slots=True)
class Number:
    """An integer between two bounds."""

    minimum: int
    maximum: int


@dataclass(frozen=True, slots=True)
class NumberOrText:
    """`x-kubernetes-int-or-string`: an integer, or one of these names or a number as text where names are given."""

    names: frozenset[str] = frozenset()
    maximum: int = 255


@dataclass(frozen=True, slots=True)
class Flag:
    """A boolean."""


@dataclass(frozen=True, slots=True)
class Anything:
    """A value that the schema does not describe further."""


@dataclass(frozen=True, slots=True)
class Items:
    """A list. `null_is_empty` takes an item that is null for one without fields, as the API server's own types do.

    `is_set` is the list type of that name: no item may be there twice.
    """

    element: Shape
    max_items: int | None = None
    min_items: int = 0
    null_is_empty: bool = False
    is_set: bool = False


@dataclass(frozen=True, slots=True)
class Labels:
    """A mapping with free keys."""

    element: Shape


@dataclass(frozen=True, slots=True)
class Apart:
    """A validation rule (CEL) over two lists: where an item of one has one of `fields`, none of the other has `others`.

    `message` are the words of the rule.
    """

    of: str
    fields: tuple[str, ...]
    beside: str
    others: tuple[str, ...]
    message: str


@dataclass(frozen=True, slots=True)
class Fields:
    """A mapping with fields of its own: what is not among them is unknown.

    `required` must be there; of each group in `exactly_one` one field must be, and of `at_least_one` one or more
    (empty: no such demand). Of the two numbers in `ascending` the first must be the lower one, `apart` are lists that
    must not hold both of two kinds of items. `name` is what people call the place: `an item of ingress`.
    """

    name: str
    fields: Mapping[str, Shape] = field(hash=False)
    required: tuple[str, ...] = ()
    exactly_one: tuple[str, ...] = ()
    at_least_one: tuple[str, ...] = ()
    ascending: tuple[str, ...] = ()
    apart: tuple[Apart, ...] = ()

    @property
    def demands(self) -> tuple[tuple[object, ...], ...]:
        """What is asked of the fields together, beside those that must be there."""
        return self.exactly_one, self.at_least_one, self.ascending, self.apart

    @property
    def demands_more(self) -> bool:
        """Whether anything is asked of the fields together."""
        return any(self.demands)


Shape = Text | Number | NumberOrText | Flag | Anything | Items | Labels | Fields
