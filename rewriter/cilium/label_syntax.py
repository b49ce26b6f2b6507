"""The syntax that Kubernetes demands of label selectors, with its own messages (k8s.io/apimachinery validation)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from rewriter import patterns as re
from rewriter.cilium.go_syntax import quote
from rewriter.cilium.selector import escape_pointer

#: A name as namespaces have it (an RFC 1123 label), as a part of patterns.
LABEL = "[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"

_NAME = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_VALUE = f"({_NAME})?"
_SUBDOMAIN = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_NAME_PATTERN = re.compile(_NAME, re.ASCII)
_VALUE_PATTERN = re.compile(_VALUE, re.ASCII)
_LABEL_PATTERN = re.compile(LABEL, re.ASCII)
_NAME_PROBLEM = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character "
    f"(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{_NAME}')"
)
_QUALIFIED_NAME_PROBLEM = f"a qualified name {_NAME_PROBLEM} with an optional DNS subdomain prefix and '/' "
_VALUE_PROBLEM = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character "
    f"(e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '{_VALUE}')"
)
_SUBDOMAIN_PROBLEM = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    f"end with an alphanumeric character (e.g. 'example.com', regex used for validation is '{_SUBDOMAIN}')"
)


def selector_problem(selector: Any, key_text: Callable[[str], str] = str) -> tuple[str, str] | None:
    """The first thing wrong with a decodable selector: Kubernetes' message and the route below the selector.

    `key_text` gives the text under which a key is checked; a selector with several faults names them all.
    """
    if not isinstance(selector, dict):
        return None
    problems = [*_label_problems(selector.get("matchLabels"), key_text)]
    for index, item in enumerate(selector.get("matchExpressions") or ()):
        problems += _expression_problems(item or {}, index, key_text)
    if not problems:
        return None
    messages = list(dict.fromkeys(message for message, _ in problems))
    text = messages[0] if len(messages) == 1 else f"[{', '.join(messages)}]"
    return text, problems[0][1]


def name_problems(name: str) -> Iterator[str]:
    """What is wrong with a label key (Kubernetes IsQualifiedName)."""
    prefix, slash, rest = name.partition("/")
    if "/" in rest:
        yield f"{_QUALIFIED_NAME_PROBLEM}(e.g. 'example.com/MyName')"
        return
    if slash:
        if not prefix:
            yield "prefix part must be non-empty"
        else:
            yield from (f"prefix part {problem}" for problem in _subdomain_problems(prefix))
        name = rest
    if not name:
        yield "name part must be non-empty"
    elif len(name) > 63:
        yield "name part must be no more than 63 bytes"
    if not _NAME_PATTERN.fullmatch(name):
        yield f"name part {_NAME_PROBLEM}"


def value_problems(value: str) -> Iterator[str]:
    """What is wrong with a label value (Kubernetes IsValidLabelValue)."""
    if len(value) > 63:
        yield "must be no more than 63 bytes"
    if not _VALUE_PATTERN.fullmatch(value):
        yield _VALUE_PROBLEM


def is_label_value(text: str) -> bool:
    """Whether Kubernetes takes a text as the value of a label."""
    return not _values_at_fault(text)


def is_dns_label(text: str) -> bool:
    """Whether Kubernetes takes a text as the name of a namespace (RFC 1123 label)."""
    return len(text) <= 63 and _LABEL_PATTERN.fullmatch(text) is not None


def _subdomain_problems(text: str) -> Iterator[str]:
    if len(text) > 253:
        yield "must be no more than 253 bytes"
    if not all(_LABEL_PATTERN.fullmatch(label) for label in text.split(".")):
        yield _SUBDOMAIN_PROBLEM


_names_at_fault = lru_cache(maxsize=4096)(lambda name: tuple(name_problems(name)))
_values_at_fault = lru_cache(maxsize=4096)(lambda value: tuple(value_problems(value)))


def _label_problems(labels: Mapping[str, str] | None, key_text: Callable[[str], str]) -> Iterator[tuple[str, str]]:
    for key, value in (labels or {}).items():
        checked = key_text(key)
        for problem in _names_at_fault(checked):
            yield f"matchLabels: Invalid value: {quote(checked)}: {problem}", f"/matchLabels/{escape_pointer(key)}"
        for problem in _values_at_fault(value or ""):
            yield f"matchLabels: Invalid value: {quote(value)}: {problem}", f"/matchLabels/{escape_pointer(key)}"


def _expression_problems(
    item: Mapping[str, Any], index: int, key_text: Callable[[str], str]
) -> Iterator[tuple[str, str]]:
    path, route = f"matchExpressions[{index}]", f"/matchExpressions/{index}"
    operator, values = item.get("operator") or "", item.get("values") or ()
    if operator in ("In", "NotIn"):
        if not values:
            yield f"{path}.values: Required value: must be specified when `operator` is 'In' or 'NotIn'", route
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            problem = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            yield f"{path}.values: Forbidden: {problem}", f"{route}/values"
    else:
        problem = "not a valid selector operator"
        yield f"{path}.operator: Invalid value: {quote(operator)}: {problem}", f"{route}/operator"
    key = key_text(item.get("key") or "")
    for problem in _names_at_fault(key):
        yield f"{path}.key: Invalid value: {quote(key)}: {problem}", f"{route}/key"
    for position, value in enumerate(values):
        for problem in _values_at_fault(value or ""):
            place = f"{path}.values[{position}]"
            yield f"{place}: Invalid value: {quote(value)}: {problem}", f"{route}/values/{position}"
