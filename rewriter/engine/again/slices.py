"""The documents of a text, cut out at the lines of `---`, each with what of its policy others may rest on."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from rewriter import yamltext
from rewriter.cilium.policy import Policy
from rewriter.engine.documents.located import LocatedPolicy
from rewriter.evidence.policy_outline import outline_of
from rewriter.evidence.resting import TRAITS
from rewriter.inventory.kept.offered import digest_of

_MARKER = re.compile(r"^---(?=[ \t\n]|\Z)", re.MULTILINE)
#: Where one of these stands, the lines of `---` alone do not say where documents begin and end.
_OTHERWISE = re.compile(r"^(?:\.\.\.|%)|[\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029\ufeff]", re.MULTILINE)
#: With these the text of a document is not all that is to be known of it.
_MARKUP = ("${", "{{", "{%", "cnpfix")


class NotKeptError(Exception):
    """What is kept does not do: all is to be judged anew."""


class Plain(NamedTuple):
    """A document that is one policy of a namespace and says nothing else.

    `named` are the namespaces in which its peers may be, beside its own (None: any), `traits` the words of `TRAITS` in
    it, `called` is a digest of its kind and its metadata, by which others may choose it.
    """

    home: str
    named: tuple[str, ...] | None
    traits: tuple[str, ...]
    called: str


class Slice(NamedTuple):
    """A part of a text from one line of `---` to the next; `plain` is None where it is anything but one policy."""

    digest: str
    plain: Plain | None


def starts_of(text: str) -> list[int]:
    """Where the slices of a text begin; one alone where it cannot be cut."""
    if _OTHERWISE.search(text) or yamltext.template_markup(text) is not None:
        return [0]
    return [0, *(match.start() for match in _MARKER.finditer(text) if match.start())]


def pieces_of(text: str, starts: Sequence[int]) -> list[str]:
    """The texts of the slices."""
    return [text[start:end] for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]


def place_of(starts: Sequence[int], located: LocatedPolicy) -> int:
    """The number of the slice that holds a policy."""
    return bisect_right(starts, located.document.span.start) - 1


def slices_of(text: str, starts: Sequence[int], policies: Iterable[LocatedPolicy]) -> list[Slice]:
    """The slices of a text whose policies these are."""
    held: dict[int, list[LocatedPolicy]] = {}
    for located in policies:
        held.setdefault(place_of(starts, located), []).append(located)
    return [
        Slice(digest_of(piece.encode("utf-8", "surrogatepass")).hex(), _plain(piece, held.get(number, ())))
        for number, piece in enumerate(pieces_of(text, starts))
    ]


def _plain(piece: str, policies: Sequence[LocatedPolicy]) -> Plain | None:
    if len(policies) != 1 or any(mark in piece for mark in _MARKUP):
        return None
    located = policies[0]
    policy = located.policy
    # An item of a List is not the very value of its document.
    if located.line is not None or policy.raw is not located.document.value:
        return None
    outline = outline_of(policy.raw)
    if outline.home is None or outline.home != policy.namespace or outline.points:
        return None
    text = str(policy.raw)
    named = None if outline.named is None else tuple(sorted(outline.named))
    return Plain(outline.home, named, tuple(word for word in TRAITS if word in text), _called(policy))


def _called(policy: Policy) -> str:
    parts = [policy.raw.get(name) for name in ("apiVersion", "kind", "metadata")]
    return digest_of(json.dumps(parts, sort_keys=True, default=repr).encode()).hex()


def alone(text: str, starts: Sequence[int], number: int) -> str | None:
    """A text in which every slice but one is blank, at the same places; None where that would say something else."""
    pieces = pieces_of(text, starts)
    for place, piece in enumerate(pieces):
        if place == number:
            continue
        lines = piece.split("\n")
        comment = next((line for line in reversed(lines) if line.strip()), "").lstrip().startswith("#")
        if piece.startswith("---") and lines[0] != "---":
            return None
        if comment and place + 1 == number:
            return None
        kept = lines[0] if lines[0] == "---" else " " * len(lines[0])
        pieces[place] = "\n".join([kept, *(" " * len(line) for line in lines[1:])])
    return "".join(pieces)


def on_its_lines(text: str, starts: Sequence[int], number: int) -> str:
    """The text of one slice, on the lines that it has in its file."""
    start = starts[number]
    end = starts[number + 1] if number + 1 < len(starts) else len(text)
    return "\n" * text.count("\n", 0, start) + text[start:end]


def texts_of(text: str, after: str) -> Mapping[int, str]:
    """The slices of a file that are fixed, as they become. Raises NotKeptError where they do not correspond."""
    old, new = starts_of(text), starts_of(after)
    if len(old) != len(new):
        raise NotKeptError
    pairs = zip(pieces_of(text, old), pieces_of(after, new), strict=True)
    return {number: then for number, (now, then) in enumerate(pairs) if now != then}
