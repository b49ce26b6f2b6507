"""DNS names in rules: which names a matchName or matchPattern covers (Cilium pkg/fqdn/matchpattern)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from rewriter.cilium.terms import FqdnTerm
from rewriter.cilium.version import DOUBLE_STAR_SPANS_LABELS, Version

_LABEL_CHARACTERS = "[-a-z0-9_]"
_ANY_NAME = rf"({_LABEL_CHARACTERS}+[.])+|[.]"
_SOME_LABELS = rf"({_LABEL_CHARACTERS}+([.]{_LABEL_CHARACTERS}+)*)[.]"


def fqdn_term(selector: Mapping[str, Any], version: Version) -> FqdnTerm:
    """The term of one entry of toFQDNs. An entry with neither name nor pattern covers no name."""
    name, pattern = selector.get("matchName") or "", selector.get("matchPattern") or ""
    if name:
        return FqdnTerm(name.lower().removesuffix("."), re.escape(_dotted(name)))
    return FqdnTerm(pattern.lower(), _expression(pattern, version))


def plain_selector(selector: Any, version: Version) -> Any:
    """An entry of L7 `dns` rules, with each run of stars that means the same as one star written as one."""
    pattern = selector.get("matchPattern") if isinstance(selector, Mapping) else None
    if not isinstance(pattern, str) or "**" not in pattern:
        return selector
    stars, head, rest = not pattern.strip("*. "), "", pattern
    if version < DOUBLE_STAR_SPANS_LABELS and stars:
        return selector
    if version >= DOUBLE_STAR_SPANS_LABELS and not stars and re.match(r"\*{2,}\.", pattern):
        head, rest = "**.", pattern.lstrip("*")[1:]
    return {**selector, "matchPattern": head + re.sub(r"\*{2,}", "*", rest)}


def sample_names(written: str) -> tuple[str, ...]:
    """Names in which patterns differ: one and two labels for a star, as `written` would have them."""
    if "*" not in written:
        return (written,) if written else ()
    rest = re.sub(r"\*+", "*", written)
    samples = [rest.replace("*", filler) for filler in ("any", "", "any.deeper")]
    return tuple(dict.fromkeys(name.strip(".") for name in samples if name.strip(".")))


def _expression(pattern: str, version: Version) -> str:
    text = pattern.strip().lower()
    if not text:
        return "(?!)"
    stars = text.removesuffix(".")
    if stars == "*" or (stars and not stars.strip("*") and version >= DOUBLE_STAR_SPANS_LABELS):
        return _ANY_NAME
    text = _dotted(text)
    head = ""
    if version >= DOUBLE_STAR_SPANS_LABELS and re.match(r"\*{2,}\.", text):
        head, text = _SOME_LABELS, text.lstrip("*")[1:]
    first, *rest = (re.escape(part) for part in re.split(r"\*+", text))
    if not rest:
        return head + first
    # A star takes as little as it can, for good: the next one takes up the rest, and no pattern takes for ever.
    inner = "".join(f"(?>{_LABEL_CHARACTERS}*?{part})" for part in rest[:-1])
    return f"{head}{first}{inner}{_LABEL_CHARACTERS}*{rest[-1]}"


def _dotted(name: str) -> str:
    return name.strip().lower().removesuffix(".") + "."
