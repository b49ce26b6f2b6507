"""Policies of which values that are made up render a part only: what is missing, and which rules are whole."""

from __future__ import annotations

from collections.abc import Sequence

from rewriter import patterns as re
from rewriter import yamltext
from rewriter.engine.charts.renderings import RenderedDocument
from rewriter.yamltext.go_template import TemplateLine

#: Passes that judge a rule by itself, whatever stands beside it.
ALONE = frozenset(
    {"bare-address", "fqdn-double-star", "mixed-peers", "rejected", "removed-l7", "requires", "unknown-field"}
)
PARTIAL = "no values in the repository render the whole policy"
#: A rendered line without its value.
_EMPTY = re.compile(r"""(?:^[ \t]*null|[:-]|[:-][ \t]+(?:""|''|null|<no value>))[ \t]*$""")
#: What stands before the key of a row, the dashes of lists included.
_LEAD = re.compile(r"[ \t]*(?:-[ \t]+)*")
_RULE = re.compile(r"^.*?/specs?(?:/\d+)?/(?:in|e)gress(?:Deny)?/\d+(?=/|$)")


def missing_rows(lines: Sequence[TemplateLine], rendered: RenderedDocument) -> list[int]:
    """The rows (0-based) of a rendered document that are empty where its template fills something in."""
    found = []
    rows = rendered.text.split("\n")
    for number, (row, at, whole) in enumerate(zip(rows, rendered.lines, rendered.whole, strict=True)):
        line = None if at is None else lines[at]
        if line is None or at is None or not whole or not _EMPTY.search(row) or _holds_more(rows, number):
            continue
        if any(action.prints for action in line.actions) or _fills(lines, at):
            found.append(number)
    return found


def whole_rule(document: yamltext.Document, route: str, missing: Sequence[int]) -> str:
    """The route of the rule around a place of a policy; empty where there is none, or something of it is missing."""
    match = _RULE.match(route)
    node = None if match is None else yamltext.node_at(document, match[0])
    if match is None or node is None:
        return ""
    first = document.text.count("\n", 0, node.start)
    last = document.text.count("\n", 0, node.end)
    return "" if any(first <= row <= last for row in missing) else match[0]


def _holds_more(rows: Sequence[str], number: int) -> bool:
    """Whether the rows below one that ends in a key or a dash are what it holds."""
    row = rows[number].rstrip()
    below = next((row for row in rows[number + 1 :] if row.strip() and not row.lstrip().startswith("#")), "")
    own = _LEAD.match(row)
    column = len(own[0]) if own is not None and row.endswith(":") else len(row) - len(row.lstrip())
    depth = len(below) - len(below.lstrip())
    is_item = below.lstrip().startswith("- ") or below.strip() == "-"
    return row.endswith((":", "-")) and (depth > column or (depth == column and is_item and row.endswith(":")))


def _fills(lines: Sequence[TemplateLine], at: int) -> bool:
    """Whether a block of its own makes what stands below a line."""
    own = lines[at].blocks
    for line in lines[at + 1 :]:
        if not line.steers:
            if line.text.strip() and not line.text.lstrip().startswith("#"):
                return False
        elif len(line.blocks) > len(own) or line.inner:
            return True
        elif any(action.word for action in line.actions):  # The block around ends.
            return False
    return False
