"""Which namespaces talk otherwise: the flows that open and close, summed over policies, from namespace to namespace."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from rewriter import patterns as re
from rewriter.cilium.label_syntax import LABEL
from rewriter.cilium.policy import INGRESS
from rewriter.engine.run.pictures import Picture
from rewriter.output.style import clean

_NAMESPACE = re.compile(rf" of namespace ({LABEL})")
_ADDRESS = re.compile(r"^[0-9a-f]*[.:][0-9a-f.:]*/\d+")
_CLUSTERWIDE = "all namespaces"


class Edge(NamedTuple):
    """Flows between two ends: a namespace, or what else the peers are. Numbers of flows of policies."""

    source: str
    destination: str
    opens: int
    closes: int

    def as_json(self) -> dict[str, object]:
        return {"from": self.source, "to": self.destination, "opens": self.opens, "closes": self.closes}


def namespace_edges(pictures: Sequence[Picture]) -> list[Edge]:
    """The edges whose flows change, in the order of their names."""
    opens: Counter[tuple[str, str]] = Counter()
    closes: Counter[tuple[str, str]] = Counter()
    for picture in pictures:
        for counts, statements in ((opens, picture.flows.opened), (closes, picture.flows.closed)):
            for statement in statements:
                subject = picture.namespace or _end(statement.subject)
                # A flow to several peers of one namespace is one flow between the two.
                for peer in dict.fromkeys(map(_end, statement.peers)):
                    ends = (peer, subject) if statement.direction == INGRESS else (subject, peer)
                    counts[ends] += 1
    return [Edge(*ends, opens[ends], closes[ends]) for ends in sorted({*opens, *closes})]


def _end(words: str) -> str:
    """The namespace that the words of an end name; else what they are: pods of all namespaces, addresses, an entity."""
    found = _NAMESPACE.search(words)
    if found:
        return found[1]
    if _ADDRESS.match(words) or words.startswith("addresses"):
        return "addresses outside"
    if words.startswith("pods "):
        return _CLUSTERWIDE
    return clean(words)[:40]
