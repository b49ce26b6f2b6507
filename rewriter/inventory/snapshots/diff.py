"""What differs between two snapshots: settings, and facts that came, went or changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rewriter.inventory.snapshots.form import LISTS, Snapshot
from rewriter.inventory.snapshots.write import fact_as_json
from rewriter.records import dataclass

ADDED, REMOVED, CHANGED = "added", "removed", "changed"
#: Members that count or number, and say nothing of the fact itself.
_PASSING = {"identities": ("endpoints",)}


@dataclass(frozen=True, slots=True)
class SnapshotDifference:
    """One difference: in which cluster, in which list ("cluster" for the cluster itself and its settings), of what.

    `before` and `after` hold the members that differ, all of them where the fact came or went.
    """

    change: str
    cluster: str
    list: str
    name: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]


def differences(old: Snapshot, new: Snapshot) -> list[SnapshotDifference]:
    """Every difference, in the order of cluster, list and name. A list that one side could not read is one of them."""
    olds, news = _clusters(old), _clusters(new)
    found = []
    for name in sorted({*olds, *news}):
        if name not in olds or name not in news:
            change = ADDED if name in news else REMOVED
            found.append(SnapshotDifference(change, name, "cluster", name, {}, {}))
        else:
            found += _within(name, olds[name], news[name])
    return found


def _clusters(snapshot: Snapshot) -> dict[str, dict[str, Any]]:
    """Each cluster's settings, and its lists by key."""
    found: dict[str, dict[str, Any]] = {}
    for cluster in snapshot.clusters:
        settings = fact_as_json(cluster)
        settings.pop("name")
        lists = {
            name: _by_key(name, [fact for fact in getattr(snapshot, name) if fact.cluster == cluster.name])
            for name in LISTS
            if name not in cluster.incomplete
        }
        found[cluster.name] = {"settings": settings, **lists}
    return found


def _by_key(list_name: str, facts: Sequence[Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for fact in facts:
        content = dict(fact.manifest) if list_name == "policies" else fact_as_json(fact)
        if list_name == "policies" and fact.rejected:
            content["rejected"] = fact.rejected
        for name in _PASSING.get(list_name, ()):
            content.pop(name, None)
        key = _key(list_name, content)
        if list_name == "endpoint_slices" and key in found:  # A Service may have several.
            addresses = [*found[key].get("addresses", ()), *content.get("addresses", ())]
            content = {**content, "addresses": sorted(addresses)}
        while key in found:  # A workload's pods may differ in their labels.
            key += "′"
        found[key] = content
    return found


def _key(list_name: str, content: Mapping[str, Any]) -> str:
    match list_name:
        case "policies":
            metadata = content["metadata"]
            # A policy is kept as it was found: its names may be of any type.
            place = "/".join(str(metadata[name]) for name in ("namespace", "name") if metadata.get(name))
            return f"{content['kind']} {place}"
        case "identities":
            return ",".join(content.get("labels", ()))
        case "endpoint_slices":
            return f"{content['namespace']}/{content['service']}"
        case "workloads":
            return f"{content['kind']} {content['namespace']}/{content['name']}"
        case _:
            return "/".join(filter(None, (content.get("namespace"), content["name"])))


def _within(cluster: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[SnapshotDifference]:
    before, after = _differing(old["settings"], new["settings"])
    if before or after:
        yield SnapshotDifference(CHANGED, cluster, "cluster", cluster, before, after)
    for name in LISTS:
        if name not in old or name not in new:
            continue  # The setting `incomplete`.
        for key in sorted({*old[name], *new[name]}):
            first, second = old[name].get(key), new[name].get(key)
            if first == second:
                continue
            change = ADDED if first is None else REMOVED if second is None else CHANGED
            before, after = _differing(first or {}, second or {})
            yield SnapshotDifference(change, cluster, name, key, before, after)


def _differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    keys = [key for key in dict.fromkeys((*old, *new)) if old.get(key) != new.get(key)]
    return {key: old[key] for key in keys if key in old}, {key: new[key] for key in keys if key in new}
