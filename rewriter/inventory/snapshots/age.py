"""How old the snapshots of a run are, and which are too old to trust without a word."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from rewriter.inventory.facts.model import Source
from rewriter.inventory.snapshots.form import Snapshot

#: A snapshot older than this is stale, unless the config sets another age.
DEFAULT_DAYS = 7


def stale(snapshots: Iterable[Snapshot], now: datetime, most_days: int = DEFAULT_DAYS) -> dict[Source, str]:
    """How old each snapshot is that is older than `most_days`, in words; one without an age is left out."""
    found = {}
    for snapshot in snapshots:
        age = snapshot.age(now)
        if age is not None and age > timedelta(days=most_days):
            found[snapshot.source] = f"is a snapshot of {age.days} days ago ({snapshot.created})"
    return found


def listed_namespaces(
    snapshots: Sequence[Snapshot], old: Container[Source], clusters: Iterable[str]
) -> frozenset[str] | None:
    """The namespaces that snapshots list; None unless those of every cluster are listed, and by one in date."""
    fresh = [snapshot for snapshot in snapshots if snapshot.source not in old]
    listed = {cluster for snapshot in fresh for cluster, name in snapshot.listed if name == "namespaces"}
    if not listed or not listed.issuperset(clusters):
        return None
    return frozenset(namespace.name for snapshot in fresh for namespace in snapshot.namespaces)


def warnings(aged: Mapping[Source, str]) -> tuple[str, ...]:
    """A line for each stale snapshot, with what to do."""
    advice = "and clusters change; make it anew with `cnpfix snapshot`, or raise snapshot_max_age_days"
    return tuple(f"{source}: {words}, {advice}" for source, words in aged.items())
