"""The clusters that a tree shows: Cilium's installations, and the members that they mesh with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field, replace
from typing import Any

from rewriter.inventory.clusters.cilium_installs import Install
from rewriter.inventory.clusters.settle import shown
from rewriter.inventory.delivery.kustomize_walk import BARE, Problem
from rewriter.inventory.facts.model import AGENT_FIELDS, Cluster, Source
from rewriter.records import dataclass

#: What a cluster takes from the next source where the first does not say.
_COMPLETED = (
    "version",
    "pod_cidrs",
    "pods_within",
    "nodes_within",
    "ipam",
    "api_server_host",
    "api_server_port",
    "node_cidrs",
    "service_cidrs",
    *AGENT_FIELDS,
    "kube_proxy_replacement",
    "dns_name_error",
    "datapath",
)

_FIELDS = (
    "version",
    "pod_cidrs",
    "pods_within",
    "ipam",
    "api_server_host",
    "api_server_port",
    *AGENT_FIELDS,
    "kube_proxy_replacement",
    "dns_name_error",
    "datapath",
)


@dataclass(frozen=True, slots=True)
class TreeClusters:
    """Clusters by name in the order found; `targets` gives the name of each target that is known.

    `unnamed` says that an installation goes to a cluster whose name is unknown.
    """

    clusters: dict[str, Cluster] = field(default_factory=dict)
    targets: dict[str, str] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    unnamed: bool = False


def tree_clusters(installs: Sequence[Install]) -> TreeClusters:
    """What installations say together. Where those of one rank disagree, a problem names both values."""
    problems: list[Problem] = []
    by_name: dict[str, list[Install]] = {}
    for install in installs:
        if install.settings.name is not None:
            by_name.setdefault(install.settings.name, []).append(install)
    members = {member: install for install in installs for member in install.settings.members}
    clusters = {name: _cluster(name, group, name in members, problems) for name, group in by_name.items()}
    for member, install in members.items():
        clusters.setdefault(member, Cluster(member, install.settings.source))
    return TreeClusters(clusters, _targets(installs, problems), tuple(problems), _unnamed(installs))


def _cluster(name: str, group: Sequence[Install], is_member: bool, problems: list[Problem]) -> Cluster:
    first = group[0].settings
    values: dict[str, Any] = {}
    cited: list[tuple[str, Source]] = []
    for field_name in _FIELDS:
        for rank in sorted({install.rank for install in group}):
            by_value: dict[Any, Source] = {}
            for install in group:
                value = getattr(install.settings, field_name)
                if install.rank == rank and value is not None:
                    by_value.setdefault(value, install.settings.source_of(field_name))
            if len(by_value) > 1:
                words = " and ".join(f"{shown(value)}, {source}" for value, source in list(by_value.items())[:2])
                problems.append(Problem(first.source, f"the {field_name} of cluster {name} is stated twice: {words}"))
            elif by_value:
                values[field_name], source = next(iter(by_value.items()))
                if source != first.source:
                    cited.append((field_name, source))
            if by_value:
                break
    meshed = is_member or any(install.settings.meshed for install in group)
    if not meshed and all(install.settings.complete for install in group):
        cited.append(("meshed", first.source))
    return Cluster(name, first.source, meshed=meshed, cited=tuple(cited), **values)


def _targets(installs: Sequence[Install], problems: list[Problem]) -> dict[str, str]:
    named: dict[str, dict[str | None, Source]] = {}
    for install in installs:
        if install.target is not None:
            named.setdefault(install.target, {}).setdefault(install.settings.name, install.settings.source)
    found = {}
    for target, names in named.items():
        known = [name for name in names if name is not None]
        if len(known) == 1:
            found[target] = known[0]
        elif len(known) > 1:
            words = " and ".join(f"{name}, {names[name]}" for name in known)
            problems.append(
                Problem(names[known[0]], f"one target, {target}, has the names of several clusters: {words}")
            )
    return found


def _unnamed(installs: Sequence[Install]) -> bool:
    return any(i.settings.name is None and not str(i.target).startswith(BARE) for i in installs)


def complete_cluster(cluster: Cluster, other: Cluster) -> Cluster:
    """A cluster with what only another source knows; what the first says stays."""
    values = {name: getattr(other, name) for name in _COMPLETED if getattr(cluster, name) is None}
    cited = tuple((name, other.source_of(name)) for name, value in values.items() if value is not None)
    return replace(cluster, **values, cited=(*cluster.cited, *cited))
