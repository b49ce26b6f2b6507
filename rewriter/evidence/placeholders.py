"""Policies with `${NAME}` in them: a value that a tool substitutes before the policy reaches a cluster.

Flux (`postBuild`), envsubst and their like do that. What a release makes of such a policy is known only as far as
no placeholder decides it, so a value that fits stands in for each.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rewriter import patterns as re
from rewriter.cilium.by_identity import ByIdentity
from rewriter.cilium.policy import Policy
from rewriter.cilium.stretches import Stretch, stretches_of

_PLACEHOLDER = re.compile(r"\$\{[^${}]*\}")
_DEFAULT = re.compile(r"\$\{\w+:?[=-](?P<default>[^{}]*)\}")
_ADDRESSES = frozenset({"fromCIDR", "toCIDR", "cidr", "except"})
_PORTS = frozenset({"port", "endPort"})
_MOST_NESTED = 8
_LONGEST = 40


#: Whether items of lists hold a placeholder, by the very item.
KnownItems = dict[int, tuple[Any, bool]]
_KNOWN: ByIdentity[Any, bool] = ByIdentity()
_HOLDS = ("holds placeholder",)


def has_placeholder(value: Any, known: KnownItems | None = None) -> bool:
    """Whether a value, or anything in it, holds a placeholder. Items that are `known` must not change.

    Loops rather than generators: every policy of a run goes through here.
    """
    if isinstance(value, str):
        return "${" in value and _PLACEHOLDER.search(value) is not None
    if isinstance(value, Mapping):
        for key, part in value.items():
            if has_placeholder(key) or has_placeholder(part, known):
                return True
    elif isinstance(value, list):
        if known is not None:
            return any(_holds_placeholder(stretch, known) for stretch in stretches_of(value))
        for part in value:
            if has_placeholder(part):
                return True
    return False


def _holds_placeholder(stretch: Stretch[Any], known: KnownItems) -> bool:
    """Whether an item of a list that does not change holds a placeholder."""
    held = stretch.answers.get(_HOLDS)
    if held is None:
        held = False
        for part in stretch:
            found = known.get(id(part)) if isinstance(part, dict) else (part, has_placeholder(part))
            if found is None:
                found = known[id(part)] = part, has_placeholder(part)
            held = held or found[1]
        stretch.answers[_HOLDS] = held
    return bool(held)


def placeholders_in(value: Any) -> set[str]:
    """The placeholders in a value, as they are written."""
    if isinstance(value, str):
        return set(_PLACEHOLDER.findall(value)) if "${" in value else set()
    parts = [*value, *value.values()] if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return {found for part in parts for found in placeholders_in(part)}


def policy_has_placeholder(policy: Policy) -> bool:
    """Whether anything in a policy is a placeholder. Remembered with the policy, and with rules that it shares."""
    key = ("has placeholder",)
    if key not in policy.answers:
        policy.answers[key] = has_placeholder(policy.raw, _KNOWN.to(()))
    return bool(policy.answers[key])


def substituted(value: Any, member: str = "") -> Any:
    """The value with something that fits in the place of each placeholder: its default, or an example
    (its own name where any text fits).

    `member` is the name of the member that holds the value. Keys of mappings stay as they are written, but for those of
    labels.
    """
    if isinstance(value, Mapping):
        labels = member == "matchLabels"
        return {
            _filled(key, "").lower() if labels and isinstance(key, str) and "${" in key else key: substituted(
                part, str(key)
            )
            for key, part in value.items()
        }
    if isinstance(value, list):
        return [substituted(part, member) for part in value]
    return _filled(value, member) if isinstance(value, str) and "${" in value else value


def pattern_of(text: str) -> re.Pattern[str]:
    """What a text with placeholders may become: anything in their places."""
    parts = _PLACEHOLDER.split(text)
    return re.compile(".*".join(map(re.escape, parts)))


def unknown_labels(selector: Any) -> dict[str, str]:
    """The labels of a selector whose values hold a placeholder, and whose keys hold none."""
    labels = selector.get("matchLabels") if isinstance(selector, Mapping) else None
    if not isinstance(labels, Mapping):
        return {}
    return {
        key: value
        for key, value in labels.items()
        if isinstance(value, str) and has_placeholder(value) and not has_placeholder(key)
    }


def without_unknown(selector: Any) -> Any:
    """A selector without the requirements that hold a placeholder: it selects all that the real one may."""
    if not isinstance(selector, Mapping):
        return selector
    known = dict(selector)
    labels, expressions = selector.get("matchLabels"), selector.get("matchExpressions")
    if isinstance(labels, Mapping):
        known["matchLabels"] = {key: v for key, v in labels.items() if not (has_placeholder(key) or has_placeholder(v))}
    if isinstance(expressions, list):
        known["matchExpressions"] = [item for item in expressions if not has_placeholder(item)]
    return known


def _filled(text: str, member: str) -> str:
    length = re.search(r"/(\d{1,3})$", text)
    bits = int(length[1]) if length else None
    for _ in range(_MOST_NESTED):
        text, count = _PLACEHOLDER.subn(lambda match: _default(match[0]) or _example(match[0], member, bits), text)
        if not count:
            break
    return text


def _example(placeholder: str, member: str, bits: int | None) -> str:
    """A value that fits: a port, an address of the documentation's ranges, else the placeholder's own name."""
    if member in _PORTS:
        return "1"
    if member in _ADDRESSES:
        return "192.0.2.0/24" if bits is None else "192.0.2.1" if bits <= 32 else "2001:db8::1"
    return "-".join(re.findall(r"[A-Za-z0-9]+", placeholder))[:_LONGEST] or "x"


def _default(placeholder: str) -> str:
    match = _DEFAULT.fullmatch(placeholder)
    return match["default"] if match else ""
