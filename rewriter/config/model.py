"""What a configuration can say. The config reference is made from these classes and their docstrings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path

from rewriter.cilium.version import Version
from rewriter.finding import Applicability
from rewriter.inventory.facts.model import Cluster
from rewriter.inventory.snapshots.age import DEFAULT_DAYS
from rewriter.records import dataclass


@dataclass(frozen=True, slots=True)
class ClusterEntityOptions:
    """`remote`: the mesh members that `cluster` was meant to include ("all" or names; None: not configured).

    `mode`: `extend` keeps the entity and adds the remote pods, `replace` drops it, `cluster-mesh` is for 1.20.
    """

    remote: str | tuple[str, ...] | None = None
    mode: str = "extend"


@dataclass(frozen=True, slots=True)
class InternalCidrOptions:
    """`local`: what a range over the local cluster becomes, the entity `cluster` or its `pods`; None: by evidence."""

    local: str | None = None


@dataclass(frozen=True, slots=True)
class ImplicitClusterOptions:
    """`scope`: `auto`, `any`, `local`, or the names of the clusters that selectors were meant to reach."""

    scope: str | tuple[str, ...] = "auto"


@dataclass(frozen=True, slots=True)
class MissingNamespaceOptions:
    """`namespaces`: label `key=value` → the namespace where pods with that label live."""

    namespaces: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PullRequestOptions:
    """`[pr]`: how `cnpfix pr` makes requests. None and empty: as its command line says, else its own default."""

    group_by: str | None = None
    branch: str | None = None
    title: str = ""
    labels: tuple[str, ...] = ()
    reviewers: tuple[str, ...] = ()
    owners: bool | None = None
    draft: bool | None = None
    limit: int | None = None
    dashboard: bool | None = None


@dataclass(frozen=True, slots=True)
class PathRule:
    """`[[per-path]]`: for files that match one of `paths`, run only `select` (None: all) without `ignore`."""

    paths: tuple[str, ...]
    select: tuple[str, ...] | None = None
    ignore: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Config:
    """A configuration as read; paths in it are relative to `root`. `file` is None when there is none.

    `render` says whether charts are rendered (`auto`: where helm is on PATH, or `never`). `operators` are the
    conventions by which custom resources count as workloads, and `select` are the passes that
    run; None stands for all of them. `complete` are namespaces whose workloads the facts hold in full, and
    `inert_kinds` kinds (`Kind` or `Kind.group`) whose objects make no pods and no Services.
    """

    root: Path
    file: Path | None = None
    from_version: Version | None = None
    to_version: Version | None = None
    exclude: tuple[str, ...] = ()
    internal_cidrs: tuple[str, ...] = ()
    operators: tuple[str, ...] | None = None
    render: str = "auto"
    complete: tuple[str, ...] = ()
    inert_kinds: tuple[str, ...] = ()
    select: tuple[str, ...] | None = None
    ignore: tuple[str, ...] = ()
    clusters: tuple[Cluster, ...] = ()
    snapshot_max_age_days: int = DEFAULT_DAYS
    applicability: Mapping[str, Applicability] = field(default_factory=dict)
    cluster_entity: ClusterEntityOptions = ClusterEntityOptions()
    internal_cidr: InternalCidrOptions = InternalCidrOptions()
    implicit_cluster: ImplicitClusterOptions = ImplicitClusterOptions()
    missing_namespace: MissingNamespaceOptions = field(default_factory=MissingNamespaceOptions)
    per_path: tuple[PathRule, ...] = ()
    pull_requests: PullRequestOptions = PullRequestOptions()
