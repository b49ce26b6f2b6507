"""Every Helm release that the tree describes: Flux, Argo CD, Kustomize and the Helm controller of k3s.

- HelmRelease (Flux helm-controller): the release's name is `spec.releaseName`, else `<targetNamespace>-<name>` where
  targetNamespace is set, else its own (its API documentation, "Release name").
- Application and what ApplicationSets make (Argo CD, "Helm"): `helm.releaseName`, else the Application's name.
- `helmCharts` of a Kustomization (Kustomize, "helmCharts").
- HelmChart of `helm.cattle.io`, and the HelmChartConfig of its name that is laid over it (k3s, "Helm").
- The releases of a helmfile (`helmfile.py`), those of Terraform (`terraform.py`), and those of k0s (`k0s.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rewriter import patterns as re
from rewriter import yamltext
from rewriter.inventory.delivery import argo, flux
from rewriter.inventory.delivery.appliers import api_group, joined, texts_of
from rewriter.inventory.delivery.archives import holds_no_objects
from rewriter.inventory.delivery.changed_appliers import changed_by
from rewriter.inventory.delivery.kustomize import Kustomization
from rewriter.inventory.delivery.kustomize_walk import Placement
from rewriter.inventory.delivery.placements import Placements
from rewriter.inventory.files.tree_files import TreeFiles
from rewriter.inventory.objects.kubernetes import namespace_of
from rewriter.inventory.releases.dependencies import with_parts
from rewriter.inventory.releases.helmfile import helmfile_releases
from rewriter.inventory.releases.k0s import k0s_releases
from rewriter.inventory.releases.model import Chart, Release, chart_name
from rewriter.inventory.releases.set_values import typed
from rewriter.inventory.releases.terraform import terraform_releases
from rewriter.inventory.releases.values import ValuesFiles, over, values_of, with_set
from rewriter.inventory.texts.manifests import Manifest, items, mapping

K3S_GROUP = "helm.cattle.io"
#: The file of a chart's archive: its name, then its version.
_ARCHIVE = re.compile(r"(.+?)-(v?\d+\.\d+\.\d+.*)\.tgz")


def find_releases(files: TreeFiles, placements: Placements, values: ValuesFiles) -> Iterator[Release]:
    """The releases in the order of their files, one for each way in which each is applied.

    A release of k0s, of a helmfile or of Terraform counts where nothing else installs it: a cluster is often started by
    one, and goes on with the same release from Flux or Argo CD.
    """
    finder = _Finder(files, placements, values)
    found = [*finder.flux(), *finder.k3s(), *finder.applications(), *finder.kustomize()]
    names = {(release.name, release.namespace) for release in found}
    others = (*finder.k0s(), *helmfile_releases(files, values, finder.local), *finder.terraform())
    found += [release for release in others if (release.name, release.namespace) not in names]
    yield from (with_parts(release, files, values, finder.local) for release in found)


class _Finder:
    def __init__(self, files: TreeFiles, placements: Placements, values: ValuesFiles) -> None:
        self._files = files
        self._placements = placements
        self.values = values
        self._sources: dict[tuple[str, str], list[tuple[str, Mapping[str, Any]]]] = {}

    def flux(self) -> Iterator[Release]:
        for placement, written, manifest in self._placed("HelmRelease", flux.HELM_GROUP):
            spec = mapping(manifest.value.get("spec"))
            own = namespace_of(manifest)
            target = _known(spec.get("targetNamespace"))
            name = _known(spec.get("releaseName")) or (f"{target}-{manifest.name}" if target else manifest.name)
            chart = self._flux_chart(manifest, spec)
            if chart is None:
                chart = Chart("")
            files, missing = self._chart_values(manifest, spec, chart)
            parts, unread = self.values.referred(spec, own, placement.target if placement else None)
            laid = over([*(files or ()), *parts, mapping(spec.get("values"))])
            remote = flux.remote_of(spec)
            yield Release(
                name,
                target or own,
                chart,
                laid if files is None else self._in_place(chart, laid),
                manifest.source,
                placement if remote is None else Placement(placement.chain if placement else (), remote),
                ", ".join(filter(None, (missing, unread))),
                post_renderers=tuple(items(spec.get("postRenderers"))),
                changed=changed_by(written, placement.chain) if placement else "",
            )

    def _flux_chart(self, manifest: Manifest, spec: Mapping[str, Any]) -> Chart | None:
        written = mapping(mapping(spec.get("chart")).get("spec"))
        if written:
            return self._chart_of_source(manifest, written)
        reference = mapping(spec.get("chartRef"))
        kind, name = str(reference.get("kind")), str(reference.get("name"))
        stated = self._source(kind, name, manifest)
        if kind == "OCIRepository":
            if not stated:
                return Chart(name)
            ref, url = mapping(stated.get("ref")), _known(stated.get("url"))
            return Chart(chart_name(url or name), _known(ref.get("tag")) or _known(ref.get("semver")), url=url)
        if kind == "HelmChart":
            return self._chart_of_source(manifest, stated) if stated else Chart(name)
        return None

    def _chart_of_source(self, manifest: Manifest, written: Mapping[str, Any]) -> Chart:
        """The chart of a HelmChart's spec: in this repository, or by the address of its source."""
        name = _known(written.get("chart")) or ""
        source = mapping(written.get("sourceRef"))
        kind, version = str(source.get("kind")), _known(written.get("version"))
        found = self._source(kind, str(source.get("name")), manifest)
        if kind not in ("GitRepository", "Bucket"):
            return Chart(chart_name(name), version, url=_known(found.get("url")))
        if kind == "GitRepository" and found and not self._placements.is_own(found.get("url")):
            return Chart(chart_name(name), version, url=_known(found.get("url")))
        return self.local(joined(".", name), version)

    def _chart_values(
        self, manifest: Manifest, spec: Mapping[str, Any], chart: Chart
    ) -> tuple[list[Mapping[str, Any]] | None, str]:
        """The files of values that count in place of the chart's values.yaml, and what of them could not be read.

        None where none are named. Their paths start where those of the chart do (Flux, HelmChart, "Values files").
        """
        written = mapping(mapping(spec.get("chart")).get("spec"))
        reference = mapping(spec.get("chartRef"))
        if reference.get("kind") == "HelmChart":
            written = self._source("HelmChart", str(reference.get("name")), manifest)
        listed = texts_of(written.get("valuesFiles"))
        if not listed:
            return None, ""
        if chart.folder is None:
            return [], "valuesFiles"
        found = {entry: self.values.file(joined(".", entry)) for entry in listed}
        missing = [entry for entry, values in found.items() if values is None]
        left = [] if written.get("ignoreMissingValuesFiles") is True else missing
        return [values for values in found.values() if values is not None], ", ".join(left)

    def _in_place(self, chart: Chart, values: Mapping[str, Any]) -> dict[str, Any]:
        """Values that count in place of the chart's values.yaml: null takes away what only that file has."""
        own = self.values.file(joined(chart.folder, "values.yaml")) if chart.folder is not None else None
        return _without(own or {}, values)

    def local(self, folder: str, version: str | None) -> Chart:
        """A chart in this repository, if it is there."""
        there = folder if joined(folder, "Chart.yaml") in self._files.names else None
        values = self.values.file(joined(folder, "Chart.yaml")) if there else None
        name = _known(mapping(values).get("name")) or chart_name(folder)
        return Chart(name, _known(mapping(values).get("version")) or version, there)

    def _source(self, kind: str, name: str, user: Manifest) -> Mapping[str, Any]:
        """The spec of a Flux source by name: the one in the nearest folder; empty where the tree has none."""
        key = (kind, name)
        if key not in self._sources:
            self._sources[key] = [
                (manifest.source.path, mapping(manifest.value.get("spec")))
                for file in self._files.of_kinds(frozenset({kind.encode()}))
                for manifest in self._files.manifests(file)
                if (manifest.kind, manifest.name) == (kind, name) and api_group(manifest.value) == flux.SOURCE_GROUP
            ]
        found = self._sources[key]
        nearest = sorted(found, key=lambda candidate: -_shared(candidate[0], user.source.path))
        return nearest[0][1] if nearest else {}

    def k3s(self) -> Iterator[Release]:
        for placement, _written, manifest in self._placed("HelmChart", K3S_GROUP):
            spec = mapping(manifest.value.get("spec"))
            values, unread = self._k3s_values(manifest, spec)
            yield Release(
                manifest.name,
                _known(spec.get("targetNamespace")) or namespace_of(manifest),
                _k3s_chart(spec),
                values,
                manifest.source,
                placement,
                unread,
                kind="HelmChart",
            )

    def _k3s_values(self, chart: Manifest, spec: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
        """Its own values, then those of the HelmChartConfig of its name; `set` is laid over both."""
        parts: list[Mapping[str, Any]] = []
        unread = ["valuesSecrets"] if spec.get("valuesSecrets") else []
        configs = [
            mapping(config.value.get("spec"))
            for _placement, _written, config in self._placed("HelmChartConfig", K3S_GROUP)
            if config.name == chart.name and namespace_of(config) == namespace_of(chart)
        ]
        for part in (spec, *configs):
            text = part.get("valuesContent")
            values = values_of(text) if isinstance(text, str) else {}
            parts.append(values or {})
            unread += ["valuesContent"] if values is None else []
        settings = ((str(key), typed(item)) for key, item in mapping(spec.get("set")).items())
        laid, left = with_set(over(parts), settings)
        return laid, ", ".join([*unread, *([left] if left else [])])

    def applications(self) -> Iterator[Release]:
        for application in self._placements.applications:
            spec = mapping(application.value.get("spec"))
            metadata = mapping(application.value.get("metadata"))
            sources = argo.sources_of(spec)
            references = {str(s["ref"]) for s in sources if s.get("ref") and self._placements.is_own(s.get("repoURL"))}
            for source in sources:
                chart = self._application_chart(source)
                if chart is None:
                    continue
                helm = mapping(source.get("helm"))
                values, unread = self._application_values(source, helm, references)
                name = _known(helm.get("releaseName")) or str(metadata.get("name"))
                namespace = _known(helm.get("namespace")) or _known(mapping(spec.get("destination")).get("namespace"))
                placement = Placement((), application.target)
                yield Release(
                    name,
                    namespace,
                    chart,
                    values,
                    application.source,
                    placement,
                    unread,
                    kind="Application",
                    changed=application.changed,
                )

    def _application_chart(self, source: Mapping[str, Any]) -> Chart | None:
        if _known(source.get("chart")):
            version, url = _known(source.get("targetRevision")), _known(source.get("repoURL"))
            if url and "://" not in url:  # Argo CD, "Helm": an OCI registry has no scheme.
                url = f"oci://{url}"
            return Chart(chart_name(str(source["chart"])), version, url=url)
        folder = str(source.get("path") or "").strip("/")
        own = folder and joined(folder, "Chart.yaml") in self._files.names
        if own and self._placements.is_own(source.get("repoURL")):
            return self.local(folder, None)
        return None

    def _application_values(
        self, source: Mapping[str, Any], helm: Mapping[str, Any], references: set[str]
    ) -> tuple[dict[str, Any], str]:
        folder = str(source.get("path") or "").strip("/") or "."
        parts: list[Mapping[str, Any]] = []
        unread: list[str] = []
        for entry in texts_of(helm.get("valueFiles")):
            reference, _, path = entry.partition("/")
            foreign = reference[:1] == "$" and reference[1:] not in references
            values = None if foreign else self.values.file(path if reference[:1] == "$" else joined(folder, entry))
            if values is not None:
                parts.append(values)
            elif helm.get("ignoreMissingValueFiles") is not True:
                unread.append(entry)
        if isinstance(helm.get("valuesObject"), dict):  # Argo CD, "Helm": it counts in place of `values`.
            parts.append(helm["valuesObject"])
        elif isinstance(helm.get("values"), str):
            text = values_of(helm["values"])
            parts.append(text or {})
            unread += ["values"] if text is None else []
        unread += ["fileParameters"] if helm.get("fileParameters") else []
        settings = (
            (str(item.get("name")), item.get("value") if item.get("forceString") is True else typed(item.get("value")))
            for item in items(helm.get("parameters"))
        )
        values, left = with_set(over(parts), settings)
        return values, ", ".join([*unread, *([left] if left else [])])

    def k0s(self) -> Iterator[Release]:
        for file in self._files.of_kinds(frozenset({b"ClusterConfig", b"Cluster"})):
            if b"k0sproject.io" in file.data and b"charts" in file.data:
                for manifest in self._files.manifests(file):
                    yield from k0s_releases(manifest)

    def terraform(self) -> Iterator[Release]:
        for path, data in self._files.terraform:
            text = data.decode("utf-8", "replace")
            yield from terraform_releases(path, self._files.inner(path), text, self.values, self.local)

    def kustomize(self) -> Iterator[Release]:
        for folder, kustomization in self._placements.kustomizations.items():
            for chart in kustomization.charts:
                yield from self._kustomize_chart(folder, kustomization, chart)

    def _kustomize_chart(
        self, folder: str, kustomization: Kustomization, chart: Mapping[str, Any]
    ) -> Iterator[Release]:
        old = chart if "chartName" in chart else {}  # `helmChartInflationGenerator` has other names for the same.
        name = _known(old.get("chartName") or chart.get("name"))
        if name is None:
            return
        parts, unread = self._kustomize_values(folder, chart, old)
        version = _known(old.get("chartVersion") or chart.get("version"))
        repository = _known(old.get("chartRepoUrl") or chart.get("repo"))
        home = mapping(kustomization.value.get("helmGlobals")).get("chartHome") or "charts"
        there = self._kustomize_folder(joined(folder, str(home)), name, version, repository)
        made = Chart(name, version, there, repository)
        for placement in self._ways(folder, kustomization):
            yield Release(
                _known(chart.get("releaseName")) or name,
                _known(old.get("releaseNamespace") or chart.get("namespace")) or kustomization.transform.namespace,
                made,
                over(parts),
                kustomization.source,
                placement,
                ", ".join(unread),
                transformed=True,
                kind="Helm chart",
            )

    def _kustomize_values(
        self, folder: str, chart: Mapping[str, Any], old: Mapping[str, Any]
    ) -> tuple[list[Mapping[str, Any]], list[str]]:
        """The values of an entry of `helmCharts`, as `valuesMerge` lays them, and the files that could not be read."""
        unread: list[str] = []

        def read(entries: Iterable[str]) -> list[Mapping[str, Any]]:
            found = [(entry, self.values.file(joined(folder, entry))) for entry in entries]
            unread.extend(entry for entry, values in found if values is None)
            return [values or {} for _entry, values in found]

        how, inline = chart.get("valuesMerge"), mapping(chart.get("valuesInline"))
        named = [entry for entry in (old.get("values"), chart.get("valuesFile")) if isinstance(entry, str) and entry]
        first = [] if how == "replace" and inline else read(named)
        laid = [inline, *first] if how == "merge" else [*first, inline]
        return [*laid, *read(texts_of(chart.get("additionalValuesFiles")))], unread

    def _kustomize_folder(self, home: str, name: str, version: str | None, repository: str | None) -> str | None:
        """Where a chart of `helmCharts` lies: Kustomize pulls one with a version into a folder that names it."""
        if version and repository:
            pulled = joined(joined(home, f"{name}-{version}"), name)
            if joined(pulled, "Chart.yaml") in self._files.names:
                return pulled
        plain = joined(home, name)
        if joined(plain, "Chart.yaml") not in self._files.names:
            return None
        own = _known(mapping(self.values.file(joined(plain, "Chart.yaml"))).get("version"))
        return plain if not (version and repository and own) or own == version else None

    def _ways(self, folder: str, kustomization: Kustomization) -> tuple[Placement, ...]:
        """The ways of what a kustomization itself makes: those of a file that it lists, as they share them."""
        for entry in kustomization.resources:
            if entry in self._files.names and self._placements.of(entry):
                return tuple(self._placements.of(entry))
        chain = () if kustomization.transform.changes_nothing else (kustomization.transform,)
        return tuple(Placement(chain, target) for target in self._placements.targets_of(folder))

    def _placed(self, kind: str, group: str) -> Iterator[tuple[Placement | None, Mapping[str, Any], Manifest]]:
        """The manifests of a kind, each as it is written and as it is applied, if anything does."""
        for file in self._files.of_kinds(frozenset({kind.encode()})):
            inner = self._files.inner(file.path)
            if holds_no_objects(self._placements, inner):
                continue
            for manifest in self._files.manifests(file):
                if manifest.kind == kind and api_group(manifest.value) == group:
                    for placement in self._placements.of(inner):
                        yield placement, manifest.value, Manifest(manifest.source, placement.apply(manifest.value))
                    if not self._placements.of(inner):
                        yield None, manifest.value, manifest


def _without(defaults: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Values, and null for each of the defaults that they do not have."""
    given: dict[str, Any] = dict.fromkeys(defaults)
    for key, value in values.items():
        inner = defaults.get(key)
        given[key] = _without(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
    return given


def _k3s_chart(spec: Mapping[str, Any]) -> Chart:
    """The chart of a HelmChart of k3s: by its name in `repo`, or an address of its own, that of an archive too."""
    reference = str(spec.get("chart") or "")
    name, version, url = chart_name(reference), _known(spec.get("version")), _known(spec.get("repo")) or reference
    archive = _ARCHIVE.fullmatch(name)
    return Chart(archive[1], archive[2], url=url) if archive else Chart(name, version, url=url)


def _shared(path: str, other: str) -> int:
    """How many folders two paths have in common."""
    count = 0
    for one, two in zip(path.split("/")[:-1], other.split("/")[:-1], strict=False):
        if one != two:
            break
        count += 1
    return count


def _known(value: Any) -> str | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    return value if isinstance(value, str) and value and not yamltext.has_substitution(value) else None
