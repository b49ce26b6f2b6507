"""The kinds that a text names, before anything parses it: whether what it holds may make pods or Services."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from itertools import product

from rewriter import patterns as re
from rewriter.inventory.texts.understood import INERT_NAMES, is_fact_text, is_inert, telling_word

# Every pattern below begins with a character of its own, so that the search leaps from one to the next.
KIND = re.compile(rb"""kind["']?[ \t]*:[ \t]*["']?([A-Za-z0-9]+)""")
_VERSION = re.compile(rb"""apiVersion["']?[ \t]*:[ \t]*["']?([A-Za-z0-9./-]+)""")
_API = re.compile(rb"""apiVersion["']?[ \t]*:""")
_FLOW = re.compile(rb"""\n[ \t]*[\[{]""")
#: A kind that the first does not read: tagged, anchored, an alias, a block scalar, on the next line...
_ODD_VALUE = re.compile(
    rb"""kind["']?[ \t]*:(?:[ \t]*[!&*>|]"""
    rb"""|[ \t]*(?:\#[^\n]*)?\r?\n[ \t]+["']?[A-Z][A-Za-z0-9]*["']?[ \t]*(?:\#[^\n]*)?\r?(?:\n|$))""",
    re.MULTILINE,
)
#: ... or with a `?` key, or a tagged one.
_ODD_KEY = re.compile(rb"""\?\s+["']?kind\b""")
_TAGGED_KEY = re.compile(rb"""^[ \t-]*![^\n]*kind["']?[ \t]*:""", re.MULTILINE)
_NEWLINE = ord("\n")


def is_odd(text: bytes) -> bool:
    """Whether a file writes a kind so that only a parser reads it."""
    return (
        _ODD_VALUE.search(text) is not None
        or (b"?" in text and _ODD_KEY.search(text) is not None)
        or (b"!" in text and _TAGGED_KEY.search(text) is not None)
    )


def may_be_unknown(text: bytes, kinds: frozenset[bytes]) -> bool:
    """Whether a file may hold objects whose kind is neither inert nor that of a workload or a Service.

    `kinds` are those that it names at any depth.
    """
    return any(not _is_known(version, kind) or _tells(version, kind, text) for version, kind in _pairs(text, kinds))


def may_hold_pods(text: bytes, inert_kinds: Collection[str] = ()) -> bool:
    """Whether a text that no parser reads may hold a manifest of something that makes pods or Services.

    `inert_kinds` are a person's own.
    """
    kinds = KIND.findall(text)
    if len(kinds) < len(_API.findall(text)) or (b"?" in text and _ODD_KEY.search(text) is not None):
        return True
    own = frozenset(inert_kinds)
    return any(
        not _is_inert(version, kind, own) or _tells(version, kind, text)
        for version, kind in _pairs(text, frozenset(kinds))
    )


def _tells(version: bytes, kind: bytes, text: bytes) -> bool:
    word = telling_word(version, kind)
    return word is not None and word in text


def _pairs(text: bytes, kinds: frozenset[bytes]) -> set[tuple[bytes, bytes]]:
    """The API versions and kinds that stand together: where the text alone does not show that, every pair of two.

    The version is empty where it is written so that only a parser reads it.
    """
    top, versions = _at_margin(KIND, text), _at_margin(_VERSION, text)
    nested = len(top) < text.count(b"apiVersion:") - text.count(b" apiVersion:")  # JSON, flow style.
    whole = len(top) == len(versions) >= max(text.count(b"\n---") + text.startswith(b"---"), 1) and not nested
    if whole and not _has_flow(text) and not any(kind.endswith(b"List") for kind in top):
        return set(zip(versions, top, strict=True))
    named = set(_VERSION.findall(text))
    return set(product(named if len(_VERSION.findall(text)) == len(_API.findall(text)) and named else {b""}, kinds))


@lru_cache(maxsize=8192)
def _is_known(version: bytes, kind: bytes) -> bool:
    return _is_inert(version, kind, frozenset()) or is_fact_text(version, kind)


@lru_cache(maxsize=8192)
def _is_inert(version: bytes, kind: bytes, own: frozenset[str]) -> bool:
    if not version:
        return kind in INERT_NAMES or kind.decode() in own
    return is_inert({"apiVersion": version.decode(), "kind": kind.decode()}, own)


def _at_margin(key: re.Pattern[bytes], text: bytes) -> list[bytes]:
    """The values of a key, quoted perhaps, that begins a line."""
    found = []
    for match in key.finditer(text):
        start = match.start()
        start -= start > 0 and text[start - 1] in b"\"'"
        if start == 0 or text[start - 1] == _NEWLINE:
            found.append(match[1])
    return found


def _has_flow(text: bytes) -> bool:
    """Whether a line begins with a collection in flow style."""
    if b"[" not in text and b"{" not in text:
        return False
    return text.lstrip(b" \t").startswith((b"[", b"{")) or _FLOW.search(text) is not None
