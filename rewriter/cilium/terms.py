"""Peer and subject selections in their final form, hashable so that equal ones are matched once."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import NamedTuple

from rewriter import patterns as re
from rewriter.cilium.cidr import Prefix
from rewriter.cilium.identity_labels import LabelFilter
from rewriter.cilium.labels import (
    ANY,
    K8S,
    NAMESPACE_LABEL,
    NAMESPACE_NAME_KEY,
    RESERVED,
)
from rewriter.cilium.one_of_each import OneOfEach
from rewriter.cilium.selector import Requirement, operator_holds

#: Label sources of peers that no manifest can resolve: an identity that has such a label is known to be behind it.
GROUP = "group"
CIDR_GROUP = "cidrgroup"
SERVICE = "service"
OPAQUE_SOURCES = frozenset({GROUP, CIDR_GROUP, SERVICE})


class Condition(NamedTuple):
    """A requirement on one label: source (`any` for every source), key, operator and values."""

    source: str
    key: str
    operator: str
    values: tuple[str, ...] = ()

    def meets(self, found: Collection[str]) -> bool:
        """Whether these values of the label meet it; none where it is absent."""
        return operator_holds(self.operator, self.values, found)

    def __str__(self) -> str:
        key = self.key if self.source in ("any", K8S) else f"{self.source}:{self.key}"
        match self.operator:
            case "In" if len(self.values) == 1:
                return f"{key}={self.values[0]}" if self.values[0] else key
            case "In":
                return f"{key} in ({', '.join(self.values)})"
            case "NotIn":
                return f"{key} not in ({', '.join(self.values)})"
            case "Exists":
                return key
            case _:
                return f"no {key}"


class LabelTerm(NamedTuple):
    """Identities that meet every condition; no conditions, everything."""

    conditions: tuple[Condition, ...] = ()


class CidrTerm(NamedTuple):
    """Addresses outside the mesh inside `prefix` and outside every exception."""

    prefix: Prefix
    exceptions: tuple[Prefix, ...] = ()


class FqdnTerm(NamedTuple):
    """Addresses that DNS gave for a name that matches; `pattern` is a regular expression over the name with its dot."""

    written: str
    pattern: str

    def covers(self, name: str) -> bool:
        """Whether a DNS name, written without its final dot, matches."""
        return _compiled(self.pattern).fullmatch(name.lower().removesuffix(".") + ".") is not None

    @property
    def ending(self) -> str:
        """What every name that matches ends with, without its final dot; empty where that is not plain to see."""
        return "" if _UNUSUAL(self.written) else self.written.rpartition("*")[2].removesuffix(".")


#: The cache of `re` holds few patterns, and a policy may name thousands.
_compiled = lru_cache(maxsize=1 << 16)(re.compile)
_UNUSUAL = re.compile(r"[^-a-z0-9_.*]").search

Term = LabelTerm | CidrTerm | FqdnTerm

ANYTHING = LabelTerm()
#: Selects no identity.
NOTHING = LabelTerm((Condition(RESERVED, "none", "In"),))


def reserved_term(name: str) -> LabelTerm:
    return LabelTerm((Condition(RESERVED, name, "In", ("",)),))


def is_of_pods(term: Term) -> bool:
    """Whether a term selects pods by labels, and may select nothing else."""
    if not isinstance(term, LabelTerm):
        return False
    for condition in term.conditions:  # noqa: SIM110 - every rule of a run goes through here
        if condition.source != K8S and condition.source != ANY:
            return False
    return True


def opaque_term(source: str, text: str) -> LabelTerm:
    """A peer that is what it is: it selects the identities that are known to be behind it."""
    return LabelTerm((Condition(source, text, "Exists"),))


def opaque_name(term: Term) -> str | None:
    """What an opaque term stands for, for people; None for the others."""
    if isinstance(term, FqdnTerm):
        return f"DNS name {term.written}"
    for condition in term.conditions if isinstance(term, LabelTerm) else ():
        if condition.source in OPAQUE_SOURCES:
            kind = {GROUP: "group", CIDR_GROUP: "CIDR group", SERVICE: "service"}[condition.source]
            return f"{kind} {condition.key}"
    return None


_TERMS: OneOfEach[LabelTerm] = OneOfEach()


def label_term(conditions: Iterable[Condition]) -> LabelTerm:
    """A term whose conditions are in canonical order, so that the order of writing does not matter."""
    return _TERMS.of(LabelTerm(tuple(sorted(set(conditions)))))


def filtered(conditions: Iterable[Condition], labels: LabelFilter | None) -> list[Condition] | None:
    """The conditions as identities meet them whose labels go through a filter; None where none can meet them.

    No pod has a label that is left out: what asks for one fails, and what forbids one holds.
    """
    if labels is None:
        return list(conditions)
    kept = []
    for condition in conditions:
        if condition.source not in (ANY, K8S) or labels.keeps(condition.key):
            kept.append(condition)
        elif condition.operator in ("In", "Exists"):
            return None
    return kept


def conditions_of(requirements: Iterable[Requirement]) -> list[Condition]:
    # Nearly every requirement has one value, and every selector of a run goes through here.
    return [
        Condition(r.source, r.key, r.operator, tuple(r.values if len(r.values) < 2 else sorted(set(r.values))))
        for r in requirements
    ]


def pods_with(key: str, *values: str) -> LabelTerm:
    """Pods that have a label, with one of the values if any are given."""
    return LabelTerm((Condition(K8S, key, "In" if values else "Exists", values),))


def may_meet(one: LabelTerm, other: LabelTerm) -> bool:
    """Whether pods may be selected by both: not where these demand different values of a label."""
    return may_have(one, demands_of(other))


def demands_of(term: LabelTerm) -> list[tuple[str, tuple[str, ...]]]:
    """The labels of which a term demands one of some values."""
    return [
        (demanded_label(condition), condition.values) for condition in term.conditions if condition.operator == "In"
    ]


def may_have(term: LabelTerm, demands: Iterable[tuple[str, tuple[str, ...]]]) -> bool:
    """Whether pods that a term selects may have what is demanded of labels."""
    for condition in term.conditions:
        if condition.operator == "In":
            key = demanded_label(condition)
            for there, values in demands:
                if key == there and set(condition.values).isdisjoint(values):
                    return False
    return True


def demanded_label(condition: Condition) -> str:
    """The label that a condition asks for; a namespace's name is the namespace."""
    return NAMESPACE_LABEL if condition.key == NAMESPACE_NAME_KEY else condition.key
