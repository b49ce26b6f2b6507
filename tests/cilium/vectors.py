"""Recorded answers of Cilium's own engine: a selection in tests/data, and all of them where ../shared is present."""

from __future__ import annotations

import functools
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

_VECTORS = Path(__file__).parents[2].parent / "shared" / "vectors"
_DATA = Path(__file__).parents[1] / "data"


@functools.cache
def verdict_cases() -> tuple[dict[str, Any], ...]:
    """The recorded verdict cases; skips the test when ../shared/vectors is not there."""
    return _lines(_present("verdicts.jsonl.gz"))


@functools.cache
def second_verdict_cases() -> tuple[dict[str, Any], ...]:
    """The recorded cases of single features; skips the test when ../shared/vectors is not there."""
    return _lines(_present("verdicts2.jsonl.gz"))


@functools.cache
def selected_verdict_cases() -> tuple[dict[str, Any], ...]:
    """The verdict cases that are part of the project, of both sets."""
    return _lines(_DATA / "verdicts.jsonl.gz")


@functools.cache
def validation_entries() -> tuple[dict[str, Any], ...]:
    """The recorded validation entries; skips the test when ../shared/vectors is not there."""
    return tuple(json.loads(_present("validation.json").read_text()))


@functools.cache
def second_validation_entries() -> tuple[dict[str, Any], ...]:
    """The recorded entries of single forms; skips the test when ../shared/vectors is not there."""
    return tuple(json.loads(_present("validation2.json").read_text()))


@functools.cache
def selected_validation_entries() -> tuple[dict[str, Any], ...]:
    """The validation entries that are part of the project."""
    return _lines(_DATA / "validation.jsonl.gz")


#: Cases of these features have answers of 1.20 alone: they differ in no flow, not even in those in which the releases
#: always do.
_ONLY_NEWEST = frozenset({"groups"})


def recorded(case: dict[str, Any], version: str) -> tuple[list[bool], dict[int, list[str]]]:
    """What the engine answered on 1.19 or 1.20: which policies it accepts, and both verdicts of the flows by index.

    Three kinds of flows are left out. Those from the host to itself never leave it (`flows_of_the_host`). On 1.19,
    those in which the releases differ, of a case that only 1.20 answered (`flows_of_newest`). And those of an address
    in two CIDR groups that disagree on a label by which a policy selects groups: a set of labels keeps one value, and
    which one depends on the order of a Go map.
    """
    older = case.get("flows119dev", {}) if version == "1.19" else {}
    key = "accepted119dev" if version == "1.19" else "accepted"
    unanswered = flows_of_newest(case) if version == "1.19" else {}
    apart = _hosts(case), _in_groups_that_disagree(case)
    flows = {
        index: older.get(str(index), flow[4:6])
        for index, flow in enumerate(case["flows"])
        if index not in unanswered and not apart[0].issuperset(flow[:2]) and apart[1].isdisjoint(flow[:2])
    }
    return [entry.get(key, entry["accepted"]) for entry in case["policies"]], flows


def flows_of_the_host(case: dict[str, Any]) -> dict[int, list[str]]:
    """The flows from the host to itself by index, with the engine's answers, which are the same on 1.19 and 1.20."""
    hosts = _hosts(case)
    return {index: flow[4:6] for index, flow in enumerate(case["flows"]) if hosts.issuperset(flow[:2])}


def flows_of_newest(case: dict[str, Any]) -> dict[int, list[str]]:
    """The flows from the host to a pod without an identity in a case that only 1.20 answered, with its answers.

    1.20 no longer lets the local host reach such a pod for being the local host; up to 1.19 it always does.
    """
    if case.get("feature") not in _ONLY_NEWEST:
        return {}
    return {index: case["flows"][index][4:6] for index in flows_from_host_to_init(case)}


def flows_from_host_to_init(case: dict[str, Any]) -> list[int]:
    """Those from the host to a pod without an identity, by index."""
    hosts, starting = _hosts(case), _with_label(case, "reserved:init")
    return [index for index, flow in enumerate(case["flows"]) if flow[0] in hosts and flow[1] in starting]


def _hosts(case: dict[str, Any]) -> set[str]:
    return _with_label(case, "reserved:host")


def _with_label(case: dict[str, Any], label: str) -> set[str]:
    return {item["name"] for item in case["identities"] if label in map(_key, item.get("labels", ()))}


def _in_groups_that_disagree(case: dict[str, Any]) -> set[str]:
    """The identities in two groups with different values of a label, where a policy selects groups by labels."""
    labels = {group["name"]: group.get("labels") or {} for group in case.get("cidrGroups") or ()}
    if "cidrGroupSelector" not in json.dumps(case["policies"]):
        return set()
    return {item["name"] for item in case["identities"] if _disagree([labels[g] for g in item.get("cidrGroups") or ()])}


def _disagree(labels: list[dict[str, str]]) -> bool:
    return any(len({part[key] for part in labels if key in part}) > 1 for key in set().union(*labels))


def _key(label: str) -> str:
    return label.partition("=")[0]


def rests_on_map_order(node: Any) -> bool:
    """Whether matchLabels hold `any:K` and `K`: what the engine answers then depends on the order of a Go map."""
    if isinstance(node, dict):
        labels = node.get("matchLabels")
        keys = list(labels) if isinstance(labels, dict) else []
        twice = any(key.startswith("any:") and key.removeprefix("any:") in keys for key in keys)
        return twice or any(map(rests_on_map_order, node.values()))
    return isinstance(node, list) and any(map(rests_on_map_order, node))


def _lines(path: Path) -> tuple[dict[str, Any], ...]:
    with gzip.open(path, "rt") as lines:
        return tuple(json.loads(line) for line in lines)


def _present(name: str) -> Path:
    path = _VECTORS / name
    if not path.exists():
        pytest.skip(f"../shared/vectors/{name} is not present")
    return path
