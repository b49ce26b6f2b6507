"""Label selectors as written in a policy, each requirement with its route in the manifest."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from rewriter.cilium.labels import NAMESPACE_LABEL, NAMESPACE_LABELS_PREFIX, RESERVED, LabelSet, split_key

OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")


def operator_holds(operator: str, values: Collection[str], found: Collection[str]) -> bool:
    """Whether the values that a key has meet an operator. NotIn holds where it has none (k8s labels.Requirement)."""
    match operator:
        case "In":
            return any(value in values for value in found)
        case "NotIn":
            return not any(value in values for value in found)
        case "Exists":
            return bool(found)
        case _:
            return not found


class Requirement(NamedTuple):
    """One condition on one key. `values` is empty for Exists and DoesNotExist; matchLabels read as In."""

    route: str
    written_key: str
    source: str
    key: str
    operator: str
    values: tuple[str, ...] = ()

    def holds(self, labels: LabelSet) -> bool:
        """Whether the labels meet the condition."""
        return operator_holds(self.operator, self.values, labels.values(self.source, self.key))


class Selector(NamedTuple):
    """A matchLabels/matchExpressions selector. All requirements must hold; none at all selects everything."""

    route: str
    requirements: tuple[Requirement, ...]

    def selects(self, labels: LabelSet) -> bool:
        return all(requirement.holds(labels) for requirement in self.requirements)

    def requirements_on(self, key: str) -> tuple[Requirement, ...]:
        """The requirements on a key, whatever its written source (`app`, `any:app` and `k8s:app` alike)."""
        return tuple(r for r in self.requirements if r.key == key and r.source != RESERVED)

    @property
    def names_reserved(self) -> bool:
        return any(r.source == RESERVED for r in self.requirements)

    @property
    def names_namespace(self) -> bool:
        """Whether a key says which namespace is meant (then Cilium adds none; cilium-side rule of CNP parsing)."""
        return any(
            r.source != RESERVED and (r.key == NAMESPACE_LABEL or r.key.startswith(NAMESPACE_LABELS_PREFIX))
            for r in self.requirements
        )


def read_selector(raw: Any, route: str) -> Selector | None:
    """The selector of a raw mapping (None and absent parts count as empty); None when it is malformed."""
    if raw is None:
        return Selector(route, ())
    if not isinstance(raw, dict):
        return None
    try:
        return Selector(route, (*_match_labels(raw, route), *_match_expressions(raw, route)))
    except _MalformedError:
        return None


def selects_object(selector: Selector, labels: Mapping[str, str]) -> bool:
    """Whether a selector without sources selects an object by its own labels."""
    return all(
        operator_holds(
            requirement.operator,
            requirement.values,
            [labels[requirement.written_key]] if requirement.written_key in labels else (),
        )
        for requirement in selector.requirements
    )


class _MalformedError(Exception):
    pass


def _match_labels(raw: dict[str, Any], route: str) -> Iterator[Requirement]:
    labels = raw.get("matchLabels")
    if labels is None:
        return
    if not isinstance(labels, dict):
        raise _MalformedError
    for key, written in labels.items():
        value = "" if written is None else written
        if not isinstance(key, str) or not isinstance(value, str):
            raise _MalformedError
        source, name = split_key(key)
        yield Requirement(f"{route}/matchLabels/{escape_pointer(key)}", key, source, name, "In", (value,))


def _match_expressions(raw: dict[str, Any], route: str) -> Iterator[Requirement]:
    expressions = raw.get("matchExpressions")
    if expressions is None:
        return
    if not isinstance(expressions, list):
        raise _MalformedError
    for index, expression in enumerate(expressions):
        if not isinstance(expression, dict):
            raise _MalformedError
        key, operator, values = (expression.get(k) for k in ("key", "operator", "values"))
        if not isinstance(key, str) or operator not in OPERATORS or not isinstance(values or [], list):
            raise _MalformedError
        texts = tuple("" if value is None else value for value in values or ())
        if not all(isinstance(value, str) for value in texts):
            raise _MalformedError
        source, name = split_key(key)
        yield Requirement(f"{route}/matchExpressions/{index}", key, source, name, operator, texts)


def escape_pointer(token: str) -> str:
    """A token as JSON Pointer writes it (RFC 6901)."""
    return token.replace("~", "~0").replace("/", "~1") if "~" in token or "/" in token else token
