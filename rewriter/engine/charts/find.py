"""From a file to the chart that it is a template of, and what installs that chart."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rewriter.cache import NO_CACHE, CacheFolder
from rewriter.inventory.releases.model import Release
from rewriter.inventory.render.chart_copy import ChartCopy
from rewriter.inventory.render.helm import Helm
from rewriter.inventory.render.kept import Kept
from rewriter.inventory.tree.repository import TreeInventory
from rewriter.records import dataclass

_SUFFIXES = (".yaml", ".yml", ".tpl")


@dataclass(frozen=True, slots=True)
class Template:
    """A template of a chart: the chart's folder, the template's path in it, and the releases that install the chart."""

    folder: Path
    path: str
    releases: tuple[Release, ...]


@dataclass(frozen=True, slots=True)
class Charts:
    """Finds and copies the charts of a tree. `root` is its folder, `more` are value sets that a person names."""

    helm: Helm
    root: Path
    inventory: TreeInventory
    more: tuple[Mapping[str, Any], ...] = ()
    cache: CacheFolder = NO_CACHE

    def template_at(self, path: str) -> Template | None:
        """The template that a file is; None for any other file. A chart within a chart is rendered with that."""
        inner = self.inventory.inner(path)
        if inner.startswith("../") or not inner.endswith(_SUFFIXES):
            return None
        parts = inner.split("/")
        chart = None
        for depth in range(len(parts) - 1):
            folder = "/".join(parts[:depth]) or "."
            below = parts[depth:]
            if not (self.root / folder / "Chart.yaml").is_file():
                continue
            if below[0] == "templates" or (below[0] == "charts" and "templates" in below[2:-1]):
                chart = folder
                break
        if chart is None:
            return None
        return Template(self.root / chart, posixpath.relpath(inner, chart), self._releases(chart))

    def copy(self, template: Template) -> ChartCopy:
        """A copy of a template's chart to render in; a context."""
        return ChartCopy(self.helm, Kept(self.cache), template.folder, self.root)

    def _releases(self, chart: str) -> tuple[Release, ...]:
        made: Sequence[Any] = self.inventory.releases
        return tuple(result.release for result in made if result.release.chart.folder == chart)
