"""The installations of Cilium in the tree: HelmReleases, Argo CD Applications, Kustomize charts, values files."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rewriter import yamltext
from rewriter.inventory import argo, flux
from rewriter.inventory.appliers import api_group, texts_of
from rewriter.inventory.cilium_values import CiliumSettings, merged_values, read_values
from rewriter.inventory.facts import AGENT_FIELDS, Source
from rewriter.inventory.kustomize import Kustomization, joined
from rewriter.inventory.kustomize_walk import BARE
from rewriter.inventory.live.cilium_config import cluster_settings
from rewriter.inventory.manifests import Manifest, items, mapping
from rewriter.inventory.placements import Placements
from rewriter.inventory.tree_files import TreeFiles

CHART = "cilium"

#: How much an installation's word counts: applied by Flux or Argo CD, found in the tree, or only a values file.
APPLIED, FOUND, LOOSE = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Install:
    """An installation, and the target that it goes to (None: nobody says)."""

    settings: CiliumSettings
    target: str | None
    rank: int


def cilium_installs(files: TreeFiles, placements: Placements) -> list[Install]:
    """Every installation of Cilium in the tree, in the order of their ranks and files."""
    reader = _Reader(files, placements)
    found = [*reader.releases(), *reader.applications(), *reader.charts(), *reader.config_maps()]
    found += reader.loose_values()
    return sorted(found, key=lambda install: (install.rank, str(install.settings.source)))


class _Reader:
    def __init__(self, files: TreeFiles, placements: Placements) -> None:
        self._files = files
        self._placements = placements
        self._used: set[str] = set()

    def releases(self) -> Iterator[Install]:
        for inner, manifest in self._manifests(b"HelmRelease", "HelmRelease"):
            if api_group(manifest.value) != flux.HELM_GROUP:
                continue
            ways: list[tuple[Mapping[str, Any], str | None]] = [
                (each.apply(manifest.value), each.target) for each in self._placements.of(inner)
            ]
            for value, target in ways or [(manifest.value, None)]:
                spec = mapping(value.get("spec"))
                chart, version = self._chart(spec)
                if chart != CHART:
                    continue
                parts, complete = self._release_values(spec)
                settings = read_values(merged_values(parts), manifest.source, version, complete=complete)
                yield Install(settings, target, _rank(target))

    def _chart(self, spec: Mapping[str, Any]) -> tuple[str | None, str | None]:
        """The chart's name and version of a HelmRelease."""
        own = mapping(mapping(spec.get("chart")).get("spec"))
        if own:
            return posixpath.basename(str(own.get("chart", ""))), _text(own.get("version"))
        reference = mapping(spec.get("chartRef"))
        kind, name = str(reference.get("kind", "")), reference.get("name")
        for _inner, manifest in self._manifests(kind.encode(), kind):
            if manifest.name == name and kind in ("OCIRepository", "HelmChart"):
                told = mapping(manifest.value.get("spec"))
                if kind == "HelmChart":
                    return str(told.get("chart")), _text(told.get("version"))
                ref = mapping(told.get("ref"))
                return posixpath.basename(str(told.get("url", ""))), _text(ref.get("tag") or ref.get("semver"))
        return None, None

    def _release_values(self, spec: Mapping[str, Any]) -> tuple[list[Mapping[str, Any]], bool]:
        parts: list[Mapping[str, Any]] = []
        complete = True
        for each in items(spec.get("valuesFrom")):
            values = self._generated(each) if each.get("kind") == "ConfigMap" and not each.get("targetPath") else None
            complete &= values is not None
            parts.append(values or {})
        return [*parts, mapping(spec.get("values"))], complete

    def _generated(self, reference: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The values that a configMapGenerator puts into a ConfigMap; None where none or several do."""
        key = str(reference.get("valuesKey") or "values.yaml")
        found = set()
        for kustomization in self._placements.kustomizations.values():
            for generator in items(kustomization.value.get("configMapGenerator")):
                if generator.get("name") == reference.get("name"):
                    for entry in texts_of(generator.get("files")):
                        name, equals, path = entry.partition("=")
                        if (name if equals else posixpath.basename(entry)) == key:
                            found.add(joined(kustomization.folder, path if equals else entry))
        return self._values_file(found.pop()) if len(found) == 1 else None

    def applications(self) -> Iterator[Install]:
        for each in self._placements.applications:
            spec = mapping(each.value.get("spec"))
            sources = argo.sources_of(spec)
            references = {str(source["ref"]): source for source in sources if source.get("ref")}
            for source in sources:
                values, version, complete = self._application_values(source, references)
                if values is not None:
                    settings = read_values(values, each.source, version, complete=complete)
                    yield Install(settings, each.target, APPLIED)

    def _application_values(
        self, source: Mapping[str, Any], references: Mapping[str, Any]
    ) -> tuple[Mapping[str, Any] | None, str | None, bool]:
        """The values, version and completeness of a source that installs the chart; None for other sources."""
        folder = str(source.get("path") or "").strip("/") or "."
        key: str | None = None
        parts: list[Mapping[str, Any]] = []
        if source.get("chart") == CHART:
            version = _text(source.get("targetRevision"))
        else:
            key, version = self._umbrella(folder) if source.get("path") else (None, None)
            if key is None:
                return None, None, False
            parts.append(self._values_file(joined(folder, "values.yaml")) or {})
        helm = mapping(source.get("helm"))
        complete = True
        for entry in texts_of(helm.get("valueFiles")):
            reference, _, path = entry.partition("/")
            inner = joined(folder, entry) if not reference.startswith("$") else posixpath.normpath(path)
            values = self._values_file(inner) if reference[:1] != "$" or reference[1:] in references else None
            complete &= values is not None or helm.get("ignoreMissingValueFiles") is True
            parts.append(values or {})
        for text in (helm.get("values"),):
            values = _yaml(text) if isinstance(text, str) else {}
            complete &= values is not None
            parts.append(values or {})
        parts.append(mapping(helm.get("valuesObject")))
        parts += [_parameter(each) for each in items(helm.get("parameters"))]
        merged = merged_values(parts)
        return (mapping(merged.get(key)) if key else merged), version, complete

    def _umbrella(self, folder: str) -> tuple[str | None, str | None]:
        """The values key and version under which a local chart depends on the cilium chart."""
        chart = self._values_file(joined(folder, "Chart.yaml")) or {}
        for dependency in items(chart.get("dependencies")):
            if dependency.get("name") == CHART:
                return str(dependency.get("alias") or CHART), _text(dependency.get("version"))
        return None, None

    def charts(self) -> Iterator[Install]:
        for folder, kustomization in self._placements.kustomizations.items():
            for chart in kustomization.charts:
                if chart.get("name") == CHART:
                    yield from self._chart_installs(folder, kustomization, chart)

    def _chart_installs(self, folder: str, kustomization: Kustomization, chart: Mapping[str, Any]) -> Iterator[Install]:
        parts: list[Mapping[str, Any]] = []
        complete = True
        for entry in (chart.get("valuesFile"), *texts_of(chart.get("additionalValuesFiles"))):
            if isinstance(entry, str) and entry:
                values = self._values_file(joined(folder, entry))
                complete &= values is not None
                parts.append(values or {})
        parts.append(mapping(chart.get("valuesInline")))
        version = _text(chart.get("version"))
        settings = read_values(merged_values(parts), kustomization.source, version, complete=complete)
        for target in self._placements.targets_of(folder) or (None,):
            yield Install(settings, target, _rank(target))

    def config_maps(self) -> Iterator[Install]:
        for inner, manifest in self._manifests(b"ConfigMap", "ConfigMap"):
            if manifest.name == "cilium-config":
                told = cluster_settings(manifest.value, (), ())
                settings = CiliumSettings(
                    manifest.source,
                    name=told["name"],
                    pod_cidrs=tuple(told["pod_cidrs"]) if "pod_cidrs" in told else None,
                    **{field: told[field] for field in AGENT_FIELDS if field in told},
                    kube_proxy_replacement=told.get("kube_proxy_replacement"),
                    dns_name_error=told.get("dns_name_error"),
                )
                placed = self._placements.of(inner)
                for target in dict.fromkeys(each.target for each in placed) or (None,):
                    yield Install(settings, target, _rank(target))

    def loose_values(self) -> Iterator[Install]:
        """Values files that nothing refers to, such as those of `helm install -f`: known by their name and content."""
        for inner, path in self._files.names.items():
            base = posixpath.basename(inner)
            if (
                inner in self._used
                or "values" not in base
                or CHART not in inner
                or not base.endswith((".yaml", ".yml"))
            ):
                continue
            values = self._values_file(inner)
            if values and "kind" not in values and mapping(values.get("cluster")).get("name"):
                settings = read_values(values, Source(path, 1), None, complete=False)
                yield Install(settings, None, LOOSE)

    def _values_file(self, inner: str) -> Mapping[str, Any] | None:
        data = self._files.bytes_of(inner)
        self._used.add(inner)
        return None if data is None else _yaml(data.decode("utf-8", "replace"))

    def _manifests(self, mark: bytes, kind: str) -> Iterator[tuple[str, Manifest]]:
        for file in self._files.of_kinds(frozenset({mark})):
            inner = self._files.inner(file.path)
            if inner not in self._placements.patch_files:
                for manifest in self._files.manifests(file.path, file.data):
                    if manifest.kind == kind:
                        yield inner, manifest


def _rank(target: str | None) -> int:
    return FOUND if target is None or target.startswith(BARE) else APPLIED


def _parameter(parameter: Mapping[str, Any]) -> dict[str, Any]:
    """A Helm parameter `a.b.c` as values; lists and escaped dots tell nothing."""
    name, value = parameter.get("name"), parameter.get("value")
    if not isinstance(name, str) or "[" in name or "\\" in name:
        return {}
    result: Any = {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value
    for part in reversed(name.split(".")):
        result = {part: result}
    return dict(result)


def _yaml(text: str) -> Mapping[str, Any] | None:
    if yamltext.template_markup(text) is not None:
        return None
    try:
        documents = yamltext.parse(text)
    except yamltext.YamlTextError:
        return None
    return mapping(documents[0].value) if documents else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
