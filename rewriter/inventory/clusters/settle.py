"""Which cluster a reading is about, and what each cluster takes from readings."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field, replace
from typing import Any

from rewriter import patterns as re
from rewriter.inventory.delivery.kustomize_walk import Problem
from rewriter.inventory.facts.model import Cluster, Node, Source
from rewriter.inventory.settings.stated import (
    API_PORT,
    KUBERNETES_PODS,
    KUBERNETES_PODS_WITHIN,
    USUAL_PORT,
    Reading,
    StatedDistribution,
    StatedSetting,
)
from rewriter.records import dataclass

#: The name of a cluster that no file names (Cilium's default of cluster.name).
DEFAULT_NAME = "default"
#: The key of a cluster that no file names, where no other cluster is known.
UNKNOWN = ""
#: Folders whose files describe no cluster that runs.
_ASIDE = frozenset(
    {"archive", "archived", "attic", "backup", "backups", "deprecated", "disabled", "docs", "example", "examples"}
    | {"old", "sample", "samples", "test", "tests", "testdata", "unused"}
)
#: Parts of the name of a file that is to be copied and filled in.
_ASIDE_NAMES = re.compile(r"(?:^|[._-])(?:example|sample|template|tmpl|dist|bak|old|disabled)(?:[._-]|$)")
#: The fields that the ranges of Kubernetes' own nodes give to a cluster.
_TAKEN_BY_CILIUM = {KUBERNETES_PODS: "pod_cidrs", KUBERNETES_PODS_WITHIN: "pods_within"}
_CONTROL_PLANE = "node-role.kubernetes.io/control-plane"

Readings = Sequence[Reading]


@dataclass(frozen=True, slots=True)
class Settled:
    """Per cluster what its readings state: values of `Cluster`'s fields with their sources, and its machines.

    `distributions` are those that bring the DNS of a cluster, by the cluster's name; of each the first reading.
    """

    values: dict[str, dict[str, tuple[Any, Source]]] = field(default_factory=dict)
    nodes: tuple[Node, ...] = ()
    problems: tuple[Problem, ...] = ()
    distributions: Mapping[str, StatedDistribution] = field(default_factory=dict)


def settle(readings: Readings, clusters: Iterable[str], local: Callable[[str], Sequence[str]], only: bool) -> Settled:
    """What readings state of clusters, by name. `local` gives the clusters of a file by the config's globs.

    `only` says that there is no other cluster than the one of `clusters`. Where two files disagree, nothing is known.
    """
    names = tuple(clusters)
    by_field: dict[tuple[str, str], dict[Any, Source]] = {}
    by_default: dict[tuple[str, str], dict[Any, Source]] = {}
    nodes: dict[tuple[str, str], Node] = {}
    distributions: dict[str, StatedDistribution] = {}
    without_dns: set[str] = set()
    problems = []
    for reading in readings:
        if isinstance(reading, StatedDistribution) and is_aside(reading.source.path):
            continue
        name = _cluster_of(reading, names, local, only)
        if name is None and not names and isinstance(reading, StatedDistribution):
            name = UNKNOWN
        if name is None:
            continue
        if isinstance(reading, StatedDistribution):
            distributions.setdefault(name, reading)
            without_dns |= set() if reading.dns else {name}
        elif isinstance(reading, StatedSetting):
            kept = by_default if reading.default else by_field
            kept.setdefault((name, reading.field), {}).setdefault(reading.value, reading.source)
        else:
            labels = {_CONTROL_PLANE: ""} if reading.control_plane else {}
            nodes.setdefault(
                (name, reading.name), Node(reading.name, name, labels, reading.addresses, (), reading.source)
            )
    values: dict[str, dict[str, tuple[Any, Source]]] = {}
    for (name, key), stated in {**by_default, **by_field}.items():
        if len(stated) == 1:
            values.setdefault(name, {})[key] = next(iter(stated.items()))
        else:
            words = " and ".join(f"{shown(value)}, {source}" for value, source in list(stated.items())[:2])
            first = next(iter(stated.values()))
            problems.append(Problem(first, f"the {key} of cluster {name} is written in two ways: {words}"))
    with_dns = {
        name: stated_distribution for name, stated_distribution in distributions.items() if name not in without_dns
    }
    return Settled(values, tuple(nodes.values()), tuple(problems), with_dns)


def own_names(readings: Readings) -> tuple[str, ...]:
    """The one cluster that readings are about where nothing else names a cluster; none where they name several."""
    stated = [reading for reading in readings if not isinstance(reading, StatedDistribution)]
    found = {other.cluster for other in stated if not is_aside(other.source.path) and not _by_name(other)}
    named = found - {None}
    if not found or len(named) > 1:
        return ()
    return (next(iter(named)) or DEFAULT_NAME,) if named else (DEFAULT_NAME,)


def with_readings(cluster: Cluster, values: Mapping[str, tuple[Any, Source]]) -> Cluster:
    """A cluster with what its own software's configuration states; what is known already stays.

    The ranges that Kubernetes gives to nodes hold pods only where Cilium takes them (`ipam.mode: kubernetes`).
    """
    taken = {_TAKEN_BY_CILIUM.get(key, key): value for key, value in values.items() if _is_taken(cluster, key)}
    # Behind a proxy on loopback the port is only Talos' usual one: what its own configuration says goes before.
    assumed = {API_PORT} if cluster.api_server_host is None and cluster.api_server_port == USUAL_PORT else set()
    new = {key: value for key, value in taken.items() if getattr(cluster, key) is None or key in assumed}
    cited = tuple((key, source) for key, (_value, source) in new.items())
    return replace(cluster, **{key: value for key, (value, _source) in new.items()}, cited=(*cited, *cluster.cited))


def _is_taken(cluster: Cluster, key: str) -> bool:
    return key not in _TAKEN_BY_CILIUM or cluster.ipam == "kubernetes"


def _cluster_of(stated: Reading, names: Sequence[str], local: Callable[[str], Sequence[str]], only: bool) -> str | None:
    if _ASIDE_NAMES.search(posixpath.basename(stated.source.path)):
        return None
    by_config = local(stated.source.path)
    if by_config:
        return by_config[0] if len(by_config) == 1 else None
    if stated.cluster in names:
        return stated.cluster
    if _by_name(stated) or is_aside(stated.source.path):
        return None
    in_path = [name for name in names if name in posixpath.dirname(stated.source.path).split("/")]
    if len(in_path) == 1:
        return in_path[0]
    return names[0] if only and len(names) == 1 else None


def _by_name(stated: Reading) -> bool:
    return isinstance(stated, StatedSetting | StatedDistribution) and stated.by_name


def is_aside(path: str) -> bool:
    """Whether a file describes no cluster that runs: an example, a template to fill in, or what is kept for later."""
    *folders, name = path.split("/")
    kept = any(folder in _ASIDE or (folder.startswith(".") and folder not in (".", "..")) for folder in folders)
    return kept or _ASIDE_NAMES.search(name) is not None


def shown(value: Any) -> str:
    """A value of a setting in words: a list with commas."""
    return ", ".join(value) if isinstance(value, tuple) else str(value)
