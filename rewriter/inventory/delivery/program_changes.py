"""Programs and commands that change policies of the tree before, or after, they are applied: by the place of a rule.

What they do is not computed. One that names files with policies changes these; one that names kinds alone, any.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence

from rewriter.inventory.facts.model import Source

_DIRECTION = r"(?:in|e)gress(?:Deny)?"
#: A rule by its number, or the rules by a part of their list: of jq and yq, of pointers, in Python and Jsonnet, of ytt.
_BY_PLACE = re.compile(
    rf"""\b{_DIRECTION}["']?\]?(?:\[-?\d*:?-?\d*\]|/\d+|/-(?=["'\s,}}])|\.-?\d+\b)|\bslice\([^)\n]*\b{_DIRECTION}\b"""
    rf"""|\bdel\([^)\n]*\b{_DIRECTION}\b|\b{_DIRECTION}["']?\]?\.(?:pop|insert|remove)\("""
)
_OF_YTT = re.compile(r"#@overlay/match[^\n]*overlay\.index\(")
_POLICIES = r"(?:c?cnp|netpol|networkpolic(?:y|ies)|cilium(?:clusterwide)?networkpolic(?:y|ies))"
_PATCHED = re.compile(
    rf"\b(?:kubectl|oc)\b(?:\\\r?\n|[^\n|;&])*?[ \t](?:patch|edit)\b(?:\\\r?\n|[^\n|;&])*?\b{_POLICIES}\b"
    rf"|\bk8s_json_patch\b(?s:.){{0,600}}?\bkind:[ \t]*\w*NetworkPolicy\b",
    re.IGNORECASE,
)
_POST_RENDERED = re.compile(r"\bhelm\b(?:\\\r?\n|[^\n|;&])*?[ \t]--post-renderer\b(?:\\\r?\n|[^\n|;&])*")
_KINDS = re.compile(rf"\b{_POLICIES}\b", re.IGNORECASE)
_REMARK = re.compile(r"^[ \t]*(?:-[ \t]+)?(?:#(?!@)|//)")


def program_changes(
    path: str, inner: str, data: bytes, policies: Sequence[str]
) -> Iterator[tuple[str, Source, tuple[str, ...]]]:
    """What of a text changes policies: in words, where, and the inner paths that it may change (`.`: all).

    `inner` is the inner path of the text, `policies` are those of the files that may hold any.
    """
    text = data.decode("utf-8", "replace")
    for match in _POST_RENDERED.finditer(text):
        charts = tuple(_charts(match[0].split(), inner, policies))
        if charts and not _is_remark(text, match.start()):
            source = Source(path, text.count("\n", 0, match.start()) + 1)
            yield f"the post-renderer of {source}", source, charts
    patterns = (_PATCHED, _BY_PLACE, _OF_YTT) if "gress" in text else (_PATCHED,)
    starts = [each.start() for pattern in patterns for each in pattern.finditer(text)]
    starts = [start for start in starts if not _is_remark(text, start)]
    named = tuple(each for each in policies if posixpath.basename(each) in text) if starts else ()
    if starts and (named or _KINDS.search(text) is not None):
        source = Source(path, text.count("\n", 0, min(starts)) + 1)
        yield f"what {source} does", source, named or (".",)


def _charts(words: Sequence[str], inner: str, policies: Sequence[str]) -> Iterator[str]:
    """The folders with policies that a command names, as they lie beside its file, or at the top of the tree."""
    for word in words:
        for base in (posixpath.dirname(inner), ""):
            folder = posixpath.normpath(posixpath.join(base, word))
            if folder != "." and any(each.startswith(f"{folder}/") for each in policies):
                yield folder


def _is_remark(text: str, start: int) -> bool:
    return _REMARK.match(text, text.rfind("\n", 0, start) + 1) is not None
