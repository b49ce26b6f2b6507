"""Applications that a chart makes: an "app of apps" (Argo CD, "Cluster Bootstrapping").

What a chart of the tree renders may hold Applications, which bring folders and charts as others do, and may be such
charts again. The chart `argocd-apps` (argoproj/argo-helm, charts/argocd-apps) makes them of its values alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from rewriter import patterns as re
from rewriter.inventory.charts.make import Render, make_all
from rewriter.inventory.delivery.appliers import Applier
from rewriter.inventory.delivery.placements import Placements, is_applier
from rewriter.inventory.files.tree_files import TreeFiles
from rewriter.inventory.releases.find import find_releases
from rewriter.inventory.releases.model import APPS_CHART, Release, flat
from rewriter.inventory.releases.values import ValuesFiles
from rewriter.inventory.texts.manifests import Manifest, items, mapping

#: How deep such charts lie in each other.
_ROUNDS = 4
_APPLICATION = re.compile(rb"""^[ \t]*["']?kind["']?:[ \t]*["']?Application(?:Set)?["']?[ \t]*\r?$""", re.MULTILINE)
_FILLED = frozenset({b"Application", b"HelmRelease"})
_KINDS = {"applications": "Application", "applicationsets": "ApplicationSet"}


def rendered_appliers(files: TreeFiles, remotes: Callable[[], Sequence[str]], render: Render) -> Sequence[Applier]:
    """The Applications and ApplicationSets that releases make, each in the file of its release."""
    charts = frozenset(folder for folder in files.charts if any(map(_APPLICATION.search, files.templates_of(folder))))
    if not charts and not _names_apps_chart(files):
        return ()
    written = {(manifest.kind, manifest.name) for manifest in _in_templates(files, charts)}
    found: list[Applier] = []
    for _round in range(_ROUNDS):
        known = tuple(found)
        placements = Placements(files, remotes, partial(tuple, known))
        releases = list(flat(find_releases(files, placements, ValuesFiles(files, placements))))
        rendered = [replace(release, parts=()) for release in releases if release.chart.folder in charts]
        made = [manifest for each in make_all(rendered, render) if each.complete for manifest in each.manifests]
        made += [manifest for release in releases for manifest in _of_values(release)]
        found = [
            Applier(files.inner(manifest.source.path), manifest)
            for manifest in made
            if is_applier(manifest.value) and (manifest.kind, manifest.name) not in written
        ]
        if len(found) == len(known):
            break
    return found


def _names_apps_chart(files: TreeFiles) -> bool:
    if any(APPS_CHART.encode() in file.data for file in files.of_kinds(_FILLED)):
        return True
    described = (files.bytes_of(f"{folder}/Chart.yaml".removeprefix("./")) for folder in files.charts)
    return any(APPS_CHART.encode() in (text or b"") for text in described)


def _in_templates(files: TreeFiles, charts: frozenset[str]) -> Iterator[Manifest]:
    """The objects that stand in templates without any markup: they are read as they are."""
    for file in files.of_kinds(frozenset({b"Application", b"ApplicationSet"})):
        if any(files.inner(file.path).startswith(f"{folder}/".removeprefix("./")) for folder in charts):
            yield from files.manifests(file)


def _of_values(release: Release) -> Iterator[Manifest]:
    """What `argocd-apps` makes of its values; what is a template there is left out."""
    if release.chart.name != APPS_CHART or release.chart.folder is not None or release.unread:
        return
    for key, kind in _KINDS.items():
        written = release.values.get(key)
        named = {str(item.get("name")): item for item in items(written)} if isinstance(written, list) else written
        for name, value in mapping(named).items():
            spec = mapping(value)
            if "{{" in name or (kind == "Application" and "{{" in str(spec)):
                continue
            metadata = {"name": name, "namespace": spec.get("namespace") or release.namespace}
            kept = {key: item for key, item in spec.items() if key not in _OF_METADATA}
            source = replace(release.source, via=f"chart {release.chart}, {key}.{name}")
            made: Mapping[str, Any] = {
                "apiVersion": "argoproj.io/v1alpha1",
                "kind": kind,
                "metadata": metadata,
                "spec": kept,
            }
            yield Manifest(source, made)


_OF_METADATA = frozenset({"name", "namespace", "additionalLabels", "additionalAnnotations", "finalizers"})
