"""Why a finding that rests on given facts is manual."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rewriter.inventory.facts.completeness import Completeness, Hidden
from rewriter.inventory.facts.model import Cluster, EndpointSlice, Service, Workload
from rewriter.inventory.questions.inventory import Inventory
from rewriter.text import join_names

#: What to do about facts that contradict each other.
REMEDY = (
    'leave the one that holds: `local = ["path/**"]` of the [[clusters]] entries says which cluster each file is for, '
    "and a fresh snapshot (`cnpfix snapshot`, --inventory) what runs there"
)


def doubts_about(
    inventory: Inventory, facts: Iterable[Service | Workload | Cluster | EndpointSlice], *groups: str
) -> tuple[str, ...]:
    """What speaks against any of the facts, each once, in words with both sources.

    `groups` (`workloads`, `services`) are those of which the finding also takes it that no others are there.
    """
    found = [words for fact in facts for words in inventory.doubts(fact)]
    found += [words for group in groups for words in inventory.gaps(group)]
    return tuple(dict.fromkeys(found))


def hidden_advice(hidden: Sequence[Hidden], what: str) -> str:
    """What may make more, and what makes it known, in one line; empty for nothing hidden."""
    if not hidden:
        return ""
    return f"{join_names(Completeness(tuple(hidden)).reasons, most=3)} may make {what}: {hidden[0].lift}"
