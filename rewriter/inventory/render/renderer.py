"""Renders releases whose chart is at hand: in the tree, in helm's own cache, or pulled where that is asked for."""

from __future__ import annotations

import json
import os
import posixpath
import shutil
import weakref
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from rewriter import patterns as re
from rewriter.cache import NO_CACHE, CacheFolder
from rewriter.inventory.releases.model import Made, Release
from rewriter.inventory.render.chart_copy import ChartCopy
from rewriter.inventory.render.helm import Helm, HelmError
from rewriter.inventory.render.kept import Kept, TooLargeError, chart_digest, digest_of
from rewriter.inventory.render.output import RenderedError, rendered_manifests
from rewriter.inventory.texts.manifests import Manifest

#: The part of the cache that helm pulls charts into.
_CHARTS = "charts"
#: A version that names one release of a chart, and no range of them.
_EXACT = re.compile(r"v?\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]+)?")


class Renderer:
    """Renders with one helm program. `folder_of` gives the folder on disk of an inner path of the tree.

    Only with `fetch` is a chart pulled that is not at hand. Charts and results are kept in the cache.
    """

    def __init__(
        self, helm: Helm, folder_of: Callable[[str], Path], *, fetch: bool = False, cache: CacheFolder = NO_CACHE
    ) -> None:
        self._helm = helm
        self._folder_of = folder_of
        self._fetch = fetch
        self._cache = cache
        self._kept = Kept(cache)
        self._digests: dict[Path, str] = {}

    def __call__(self, release: Release) -> Made | None:
        """What a release makes, or why rendering fails; None where its chart is not at hand."""
        if release.unread:
            return Made(release, reason=f"its values from {release.unread} are not read")
        if release.namespace is None and not release.transformed:
            return Made(release, reason="its namespace is not known")
        try:
            chart = self._chart(release)
            if chart is None:
                return None
            if release.parts:
                return self._of_parts(release, chart)
            manifests = tuple(self._manifests(release, chart))
        except (HelmError, RenderedError, TooLargeError) as error:
            return Made(release, reason=f"its chart does not render: {error}")
        except OSError as error:
            return Made(release, reason=f"its chart cannot be read: {error.strerror or error}")
        return Made(release, manifests, complete=True)

    def _of_parts(self, release: Release, chart: Path) -> Made:
        """What a chart with dependencies makes, without those that are not at hand."""
        with ChartCopy(self._helm, self._kept, chart, self._folder_of(".")) as copy:
            text = copy.render_all(release.name, release.namespace or "default", release.values)
            manifests = tuple(rendered_manifests(text, release.source, str(release.chart)))
            return Made(release, manifests, complete=True, left_out=copy.left_out)

    def _chart(self, release: Release) -> Path | None:
        """The folder or archive of a release's chart; None where it is not at hand."""
        chart = release.chart
        if chart.folder is not None:
            return self._folder_of(chart.folder)
        if not chart.name or not chart.version or not _EXACT.fullmatch(chart.version):
            return None
        name = f"{chart.name}-{chart.version.removeprefix('v')}.tgz"
        own = self._charts if self._fetch else self._cache.folder and self._cache.folder / _CHARTS
        for folder in filter(None, (_helm_cache() / "repository", own)):
            if (folder / name).is_file():
                return folder / name
        if not self._fetch or not chart.url:
            return None
        return self._pulled(chart.url, chart.name, chart.version, self._charts, name)

    @cached_property
    def _charts(self) -> Path:
        """Where pulled charts go: where nothing can be kept, a folder that is gone with this renderer."""
        kept = self._cache.folder_for(_CHARTS)
        if kept is not None:
            return kept
        import tempfile  # Not where nothing is made.

        name = tempfile.mkdtemp(prefix="cnpfix-charts-")
        weakref.finalize(self, shutil.rmtree, name, ignore_errors=True)
        return Path(name)

    def _pulled(self, url: str, name: str, version: str, folder: Path, file: str) -> Path | None:
        if url.endswith(".tgz"):
            self._helm.pull(url, version, None, folder)
        elif url.startswith("oci://"):
            reference = url if posixpath.basename(url) == name else f"{url.rstrip('/')}/{name}"
            self._helm.pull(reference, version, None, folder)
        elif url.startswith("https://"):
            self._helm.pull(name, version, url, folder)
        else:
            return None
        found = folder / file
        return found if found.is_file() else next(iter(sorted(folder.glob(f"{name}-*{version.lstrip('v')}.tgz"))), None)

    def _manifests(self, release: Release, chart: Path) -> list[Manifest]:
        if chart not in self._digests:
            self._digests[chart] = chart_digest(chart)
        namespace = release.namespace or "default"
        values = json.dumps(release.values, sort_keys=True, default=str)
        parts = (self._helm.version, self._digests[chart], values, release.name, namespace)
        digest = digest_of(*(part.encode() for part in parts))
        text = self._kept.get(digest)
        if text is None:
            text = self._helm.render(chart, release.name, namespace, release.values)
            self._kept.put(digest, text)
        return list(rendered_manifests(text, release.source, str(release.chart)))


def find_helm(path: str | None = None) -> Helm | None:
    """The helm on PATH; None where there is none."""
    program = shutil.which("helm", path=path)
    return Helm(os.path.realpath(program)) if program else None


def _helm_cache() -> Path:
    """Helm's own cache folder (Helm documentation, "helm env")."""
    given = os.environ.get("HELM_CACHE_HOME")
    base = os.environ.get("XDG_CACHE_HOME")
    if given and given.startswith("/"):
        return Path(given)
    return (Path(base) if base and base.startswith("/") else Path.home() / ".cache") / "helm"
