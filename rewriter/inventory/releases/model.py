"""A Helm release as the tree describes it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from typing import Any

from rewriter.cilium.digits import is_number
from rewriter.inventory.delivery.kustomize_walk import Placement
from rewriter.inventory.facts.model import Source
from rewriter.inventory.texts.manifests import Manifest
from rewriter.records import dataclass

#: A chart whose values are Applications of Argo CD.
APPS_CHART = "argocd-apps"


@dataclass(frozen=True, slots=True)
class Chart:
    """Which chart: its name, its version (None: not known), its folder in the tree, or the URL that it comes from."""

    name: str
    version: str | None = None
    folder: str | None = None
    url: str | None = None

    @property
    def major(self) -> int | None:
        """The first number of the version."""
        first = (self.version or "").removeprefix("v").partition(".")[0]
        return int(first) if is_number(first) else None

    @property
    def numbers(self) -> tuple[int, int] | None:
        """The first two numbers of the version; None for a range, of which only people know what it installs."""
        first, _, rest = (self.version or "").removeprefix("v").partition(".")
        second = rest.partition(".")[0]
        return (int(first), int(second)) if is_number(first) and is_number(second) else None

    def __str__(self) -> str:
        return f"{self.name} {self.version}" if self.version else self.name


@dataclass(frozen=True, slots=True)
class Release:
    """One installation of a chart. `namespace` is None where it is not known.

    `unread` says in words which values could not be read; empty where they are all there. `placement` is the way on
    which the manifest at `source` is applied; `transformed` says that it changes what the chart makes too (Kustomize
    `helmCharts`). `post_renderers` are those of a HelmRelease, as written. `changed` says in words what else may change
    the release on its way, so that it renders something else; empty for nothing. `parts` are the dependencies of a
    chart of the tree, `bare` says that it has no templates beside them.
    """

    name: str
    namespace: str | None
    chart: Chart
    values: Mapping[str, Any]
    source: Source
    placement: Placement | None = None
    unread: str = ""
    transformed: bool = False
    post_renderers: tuple[Mapping[str, Any], ...] = ()
    kind: str = "HelmRelease"
    changed: str = ""
    parts: tuple[Part, ...] = ()
    bare: bool = False

    def __str__(self) -> str:
        return f"{self.kind} {self.name}, {self.source}"


@dataclass(frozen=True, slots=True)
class Part:
    """A dependency of the chart of a release, by its name there, as a release of its own."""

    name: str
    release: Release


@dataclass(frozen=True, slots=True)
class Made:
    """What a release makes. `complete` says that these are all its manifests that may be workloads or Services.

    `reason` says why it is not complete, in words. `left_out` are the dependencies that were not at hand to render.
    """

    release: Release
    manifests: tuple[Manifest, ...] = ()
    complete: bool = False
    reason: str = ""
    notes: tuple[str, ...] = field(default=())
    left_out: tuple[str, ...] = ()


def flat(releases: Iterable[Release]) -> Iterator[Release]:
    """Releases, each with its parts behind it."""
    for release in releases:
        yield release
        yield from flat(part.release for part in release.parts)


def chart_name(reference: str) -> str:
    """The name of a chart from a path, a URL or a name."""
    return posixpath.basename(reference.rstrip("/"))
