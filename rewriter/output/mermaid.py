"""A picture of what changes between whom, as a Mermaid flowchart; for changes that a reader can take in at a glance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rewriter import patterns as re
from rewriter.cilium.policy import INGRESS
from rewriter.engine.run.pictures import Picture
from rewriter.output.style import clean, one_line
from rewriter.reach.difference import FlowStatement, join_phrases

#: With more changed arrows than this a picture is of no help; what stays is drawn while there is room for it.
_MOST_CHANGED, _MOST_DRAWN = 8, 12
#: Peers of one flow that are boxes of their own.
_MOST_APART = 2
_MOST_LETTERS = 120
#: One colour for what opens and one for what closes, as in every report, readable on a light and a dark ground.
_OPEN, _CLOSE, _KEPT = "#b13bb1", "#0e8a9b", "#7a8594"
_SPECIAL = re.compile(r"[^\w \-./,:=*()]")


class _Arrow(NamedTuple):
    change: str
    source: str
    destination: str
    ports: str


def flowchart(pictures: Sequence[Picture]) -> list[str]:
    """The lines of a fenced flowchart; none where nothing changes, or too much for a picture."""
    changed = list(dict.fromkeys(_arrows(pictures, changed=True)))
    if not 0 < len(changed) <= _MOST_CHANGED:
        return []
    kept = [arrow for arrow in dict.fromkeys(_arrows(pictures, changed=False)) if _touches(arrow, changed)]
    arrows = changed + kept[: max(0, _MOST_DRAWN - len(changed))]
    names = list(dict.fromkeys(end for arrow in arrows for end in (arrow.source, arrow.destination)))
    nodes = {name: f"n{number}" for number, name in enumerate(names)}
    lines = ["```mermaid", "flowchart LR"]
    lines += [f'  {node}["{_label(name)}"]' for name, node in nodes.items()]
    for arrow in arrows:
        line = {"opens": "==>", "closes": "-.-x"}.get(arrow.change, "-->")
        words = _label(" ".join(filter(None, (arrow.change, arrow.ports))))
        lines.append(f'  {nodes[arrow.source]} {line}|"{words}"| {nodes[arrow.destination]}')
    for change, color in (("opens", _OPEN), ("closes", _CLOSE), ("", _KEPT)):
        numbers = ",".join(str(number) for number, arrow in enumerate(arrows) if arrow.change == change)
        if numbers:
            lines.append(f"  linkStyle {numbers} stroke:{color}{',stroke-width:2px' if change else ''}")
    return [*lines, "```"]


def _arrows(pictures: Sequence[Picture], *, changed: bool) -> Iterator[_Arrow]:
    for picture in pictures:
        flows = picture.flows
        kinds = (("opens", flows.opened), ("closes", flows.closed)) if changed else (("", flows.kept),)
        for change, statements in kinds:
            for statement in statements:
                ends = statement.peers if len(statement.peers) <= _MOST_APART else (join_phrases(statement.peers),)
                for peer in ends:
                    yield _arrow(change, statement, peer)


def _arrow(change: str, statement: FlowStatement, peer: str) -> _Arrow:
    source, destination = statement.subject, peer
    if statement.direction == INGRESS:
        source, destination = peer, statement.subject
    return _Arrow(change, source, destination, ", ".join(filter(None, (statement.ports, statement.limits))))


def _touches(arrow: _Arrow, changed: Sequence[_Arrow]) -> bool:
    """Whether a flow that stays has an end in common with one that changes."""
    ends = {end for arrow in changed for end in (arrow.source, arrow.destination)}
    return arrow.source in ends and arrow.destination in ends


def _label(text: str) -> str:
    """Text that Mermaid shows and never obeys: marks of its own as character codes, long names cut."""
    plain = one_line(clean(text))
    short = plain if len(plain) <= _MOST_LETTERS else plain[: _MOST_LETTERS - 1] + "…"
    return _SPECIAL.sub(lambda mark: f"#{ord(mark[0])};", short) or " "
