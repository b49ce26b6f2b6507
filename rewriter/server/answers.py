"""What an editor shows of a result: diagnostics, the text of a hover, and fixes as edits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rewriter.engine.results.result import FileResult, Reported
from rewriter.finding import Severity
from rewriter.output.diff import replaced_lines
from rewriter.output.effects import kept
from rewriter.output.lines import remedy
from rewriter.output.links import page_of
from rewriter.output.style import clean, one_line
from rewriter.server.text import Range, contains, lines_of, range_of, whole_lines

_SEVERITIES = {Severity.ERROR: 1, Severity.WARNING: 2, Severity.NOTE: 3}
#: The kind of action that applies every fix of a document.
FIX_ALL = "source.fixAll.cnpfix"
_MOST_FLOWS = 12
_ESCAPED = str.maketrans({mark: f"\\{mark}" for mark in "\\*_{}[]<>|~"})


def diagnostics(result: FileResult) -> list[dict[str, Any]]:
    """The findings of a file, and what of it could not be read."""
    lines = lines_of(result.before)
    found = [_diagnostic(item, lines) for item in result.findings]
    for error in result.errors:
        line = min(max(error.line or 1, 1), len(lines) or 1)
        place = range_of(lines or [""], line, 1, line + 1, 1)
        found.append({"range": place, "severity": 1, "source": "cnpfix", "message": clean(error.message)})
    return found


def _diagnostic(item: Reported, lines: Sequence[str]) -> dict[str, Any]:
    finding = item.finding
    url = page_of(finding.id)
    return {
        "range": place_of(item, lines),
        "severity": _SEVERITIES[finding.severity],
        "code": finding.code,
        "source": "cnpfix",
        "message": f"{one_line(finding.message)} ({finding.id})",
        **({"codeDescription": {"href": url}} if url else {}),
    }


def place_of(item: Reported, lines: Sequence[str]) -> Range:
    """The range of a finding in the lines of its file."""
    location = item.location
    return range_of(lines, location.line, location.column, location.end_line, location.end_column)


def hover(result: FileResult, position: dict[str, int]) -> dict[str, Any] | None:
    """What a finding at a position says: what, why, what its fix opens and closes, on which evidence, and the page."""
    lines = lines_of(result.before)
    found = [item for item in result.findings if contains(place_of(item, lines), position)]
    if not found:
        return None
    text = "\n\n---\n\n".join("\n\n".join(_paragraphs(item)) for item in found)
    return {"contents": {"kind": "markdown", "value": text}, "range": place_of(found[0], lines)}


def _paragraphs(item: Reported) -> Iterator[str]:
    finding = item.finding
    yield f"**{finding.code} {finding.id}** · {finding.severity.value} · {finding.applicability.value}"
    yield _plain(finding.message)
    if finding.why:
        yield _plain(finding.why)
    flows = list(_flows(item))
    if flows:
        more = len(flows) - _MOST_FLOWS
        yield "\n".join([*flows[:_MOST_FLOWS], *([f"- and {more} more"] if more > 0 else [])])
    elif item.fixed:
        yield "The fix changes no flow."
    if finding.evidence:
        yield "\n".join(f"- {_plain(fact)}" for fact in finding.evidence)
    advice = item.not_fixed or finding.advice or ("" if item.fixed else remedy(item))
    if advice:
        yield f"To do: {_plain(advice)}"
    url = page_of(finding.id)
    yield f"[{finding.id}]({url})" if url else f"`cnpfix explain {finding.id}`"


def _flows(item: Reported) -> Iterator[str]:
    yield from (f"- ⬆ **opens** {_plain(flow)}" for flow in item.flows.opened)
    yield from (f"- ⬇ **closes** {_plain(flow)}" for flow in item.flows.closed)
    broken, opened = kept(item)
    yield from (f"- = **keeps** {_plain(flow)}, which the upgrade would break" for flow in broken)
    yield from (f"- = **keeps closed** {_plain(flow)}, which the upgrade would open" for flow in opened)


def _plain(text: str) -> str:
    """Text in which Markdown finds nothing but code between backticks."""
    return one_line(text).translate(_ESCAPED)


def actions(result: FileResult, uri: str, wanted: Range, only: Sequence[str]) -> list[dict[str, Any]]:
    """The fixes for a range as edits, and the one that applies all. `only` are the kinds asked for; none: any."""
    lines = lines_of(result.before)
    made = []
    if _is_asked("quickfix", only):
        for item in result.findings:
            place = place_of(item, lines)
            inside = wanted["start"]["line"] <= place["start"]["line"] <= wanted["end"]["line"]
            edits = own_edits(item, lines) if inside else []
            if edits:
                made.append(
                    {
                        "title": f"Fix {item.finding.id}: {_effect(item)}",
                        "kind": "quickfix",
                        "diagnostics": [_diagnostic(item, lines)],
                        "isPreferred": item.finding.applicability.value == "safe",
                        "edit": {"changes": {uri: edits}},
                    }
                )
    if result.changed and _is_asked(FIX_ALL, only):
        number = sum(item.fixed for item in result.findings)
        title = f"Apply the {number} fixes of cnpfix" if number != 1 else "Apply the fix of cnpfix"
        made.append({"title": title, "kind": FIX_ALL, "edit": {"changes": {uri: all_edits(result)}}})
    return made


def _is_asked(kind: str, only: Sequence[str]) -> bool:
    """Whether a kind is among those asked for: `source` asks for `source.fixAll` too."""
    return not only or any(kind == asked or kind.startswith(f"{asked}.") for asked in only)


def _effect(item: Reported) -> str:
    opened, closed = len(item.flows.opened), len(item.flows.closed)
    parts = [f"{verb} {number}" for verb, number in (("opens", opened), ("closes", closed)) if number]
    effect = " and ".join(parts) or "changes no flow"
    return f"{effect} ({item.finding.applicability.value})"


def own_edits(item: Reported, lines: Sequence[str]) -> list[dict[str, Any]]:
    """The edits of one finding's own fix; none where they do not fit the text as it is."""
    if not item.fixed:
        return []
    edits = []
    for change in item.change:
        start = item.location.line - 1 + change.offset
        end = start + len(change.removed)
        if start < 0 or list(lines[start:end]) != list(change.removed):
            return []  # The fix rests on another one, which comes first.
        edits.append(_edit(lines, start, end, change.added))
    return edits


def all_edits(result: FileResult) -> list[dict[str, Any]]:
    """The edits that make all changes of a result."""
    lines = lines_of(result.before)
    return [
        _edit(lines, start, end, [line.rstrip("\r\n") for line in new]) for start, end, new in replaced_lines(result)
    ]


def _edit(lines: Sequence[str], start: int, end: int, new: Sequence[str]) -> dict[str, Any]:
    """Whole lines in place of others; editors give them the line ends of their document."""
    text = "".join(f"{line}\n" for line in new)
    if end >= len(lines):  # The last line has no end.
        text = text.removesuffix("\n")
    return {"range": whole_lines(lines, start, end), "newText": text}
