"""The installations of Cilium in the tree: Helm releases of its chart, its ConfigMap, and values files."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from functools import partial
from typing import Any, NamedTuple

from rewriter import yamltext
from rewriter.inventory.cilium.agent_config import open_settings
from rewriter.inventory.cilium.cilium_config import cluster_settings
from rewriter.inventory.cilium.cilium_values import (
    DEFAULT_NAME,
    MULTI_POOL,
    CiliumSettings,
    open_name,
    pools_of,
    read_values,
)
from rewriter.inventory.clusters.setting_places import Text, setting_places
from rewriter.inventory.clusters.settle import is_aside
from rewriter.inventory.delivery.appliers import api_group, joined
from rewriter.inventory.delivery.generators import matches_glob
from rewriter.inventory.delivery.kustomize_walk import BARE, Placement
from rewriter.inventory.delivery.placements import Placements
from rewriter.inventory.facts.model import AGENT_FIELDS, Source
from rewriter.inventory.files.cilium_commands import CiliumCommand
from rewriter.inventory.files.commands import is_pipeline
from rewriter.inventory.files.tree_files import KUSTOMIZATION_NAMES, TreeFiles
from rewriter.inventory.objects.kubernetes import namespace_of
from rewriter.inventory.releases.model import Chart, Release
from rewriter.inventory.releases.set_values import set_value, typed
from rewriter.inventory.releases.values import ValuesFiles, over, values_of
from rewriter.inventory.settings.stated import ranges
from rewriter.inventory.texts.manifests import Manifest, items, mapping, text_or_none
from rewriter.records import dataclass

CHART = "cilium"
#: RKE2 installs Cilium by a chart of its own; a HelmChartConfig of this name is laid over its values.
RKE2 = "rke2-cilium"
#: Values that only the chart of Cilium has, where nothing but a file's name says whose values it holds.
_OWN_KEYS = {
    "autoDirectNodeRoutes",
    "bgpControlPlane",
    "bpf",
    "clustermesh",
    "gatewayAPI",
    "hubble",
    "ipam",
    "ipv4NativeRoutingCIDR",
    "k8sServiceHost",
    "kubeProxyReplacement",
    "l2announcements",
    "routingMode",
    "socketLB",
    "tunnelProtocol",
}
_FEWEST_KEYS = 2
KOPS = "kops.k8s.io"

#: How much an installation's word counts: applied by Flux or Argo CD, found in the tree, or only a values file.
APPLIED, FOUND, LOOSE = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Install:
    """An installation, and the target that it goes to (None: no file says). `patches` are files that change it."""

    settings: CiliumSettings
    target: str | None
    rank: int
    patches: tuple[str, ...] = ()


class _Pool(NamedTuple):
    """A CiliumPodIPPool: its spec, and the target that it goes to."""

    spec: Mapping[str, Any]
    source: Source
    target: str | None


def cilium_installs(
    releases: Sequence[Release], files: TreeFiles, placements: Placements, values: ValuesFiles
) -> list[Install]:
    """Every installation of Cilium in the tree, in the order of their ranks and files.

    `values` has read the values of the releases: their files are not taken for values that no release refers to.
    """
    reader = _Reader(files, placements, values, frozenset(release.chart.folder for release in releases))
    found = [install for release in releases for install in reader.of_release(release)]
    found += [*reader.chart_configs(), *reader.config_maps(), *reader.kops()]
    found = [install for install in found if not _is_kept_aside(install)] or found
    found += reader.loose(found)
    found += [] if found else reader.by_command()
    found = list(_with_pools(found, reader.pools()))
    found.sort(key=lambda install: (install.rank, str(install.settings.source)))
    homes = {posixpath.dirname(files.inner(install.settings.source.path)) for install in found}
    return [_cited(install, files, sorted(values.used), homes) for install in found]


def _cited(install: Install, files: TreeFiles, used: Sequence[str], homes: set[str]) -> Install:
    """The installation with the lines of its keys: in its manifest, else in the values files that releases use."""
    settings = install.settings
    values = {field.name: getattr(settings, field.name) for field in fields(settings)} | dict(settings.open)
    own = files.inner(settings.source.path)
    folder = posixpath.dirname(own)
    configs = [file.path for file in files.of_kinds(frozenset({b"HelmChartConfig"}))]
    beside = [
        inner for inner in map(files.inner, (*configs, *files.variable_files)) if posixpath.dirname(inner) == folder
    ]
    # Values that lie beside another installation are that one's.
    shared = [inner for inner in used if posixpath.dirname(inner) not in homes - {folder}]
    patches = map(files.inner, install.patches)
    inners = dict.fromkeys([own, *patches, joined(folder, "values.yaml"), *beside, *shared])
    texts: list[Text] = [_text_of(files, inner) for inner in inners if inner in files.names]
    terraform = next((data for path, data in files.terraform if path == settings.source.path), None)
    if terraform is not None:
        texts.insert(0, (settings.source.path, lambda: terraform))
    generators = [inner for inner in files.names if posixpath.basename(inner) in KUSTOMIZATION_NAMES]
    named = [*map(files.inner, files.variable_files), *generators]
    named.sort(key=lambda inner: posixpath.dirname(inner) != folder)
    maps = [_text_of(files, inner) for inner in named]

    def matching(glob: str) -> list[Text]:
        return [_text_of(files, inner) for inner in files.names if matches_glob(glob, inner)]

    places = setting_places(values, settings.source, texts, maps, matching)
    return replace(install, settings=replace(settings, cited=(*settings.cited, *places)))


def _text_of(files: TreeFiles, inner: str) -> Text:
    return files.names[inner], partial(files.bytes_of, inner)


class _Reader:
    def __init__(
        self, files: TreeFiles, placements: Placements, values: ValuesFiles, released: frozenset[str | None]
    ) -> None:
        self._files = files
        self._placements = placements
        self._values = values
        self._released = released
        self._used = frozenset(values.used)

    def of_release(self, release: Release) -> Iterator[Install]:
        target = release.placement.target if release.placement else None
        for values, version in self._of_chart(release.chart, release.values):
            settings = read_values(values, release.source, version, complete=not release.unread)
            settings = replace(settings, unread=release.unread)
            yield Install(settings, target, _rank(target), tuple(_patch_files(release.placement)))

    def _of_chart(self, chart: Chart, values: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], str | None]]:
        """The values and version of Cilium in a chart: its own chart, or one in the tree that depends on it."""
        if chart.name == CHART and chart.folder is None:
            yield values, chart.version
        if chart.folder is not None:
            merged = over([self._values.file(joined(chart.folder, "values.yaml")) or {}, values])
            described = self._values.file(joined(chart.folder, "Chart.yaml")) or {}
            dependencies = [item for item in items(described.get("dependencies")) if item.get("name") == CHART]
            for dependency in dependencies:
                yield (
                    mapping(merged.get(str(dependency.get("alias") or CHART))),
                    text_or_none(dependency.get("version")),
                )
            if chart.name == CHART and not dependencies:
                yield merged, chart.version

    def chart_configs(self) -> Iterator[Install]:
        """What is laid over the values of RKE2's own chart, of whose defaults only the cluster's name is Cilium's."""
        for inner, manifest in self._manifests(b"HelmChartConfig", "HelmChartConfig"):
            text = mapping(manifest.value.get("spec")).get("valuesContent")
            values = values_of(text) if isinstance(text, str) else None
            if manifest.name == RKE2 and namespace_of(manifest) == "kube-system" and values is not None:
                settings = read_values(values, manifest.source, None, complete=False)
                if settings.name is None and not mapping(values.get("cluster")).get("name"):
                    settings = replace(settings, name=DEFAULT_NAME)
                for target in self._targets(inner):
                    yield Install(settings, target, _rank(target))

    def config_maps(self) -> Iterator[Install]:
        """The agents' own settings as manifests, in files and in what Talos is given to apply (`inlineManifests`)."""
        found = [*self._manifests(b"ConfigMap", "ConfigMap"), *self._inline_manifests()]
        for inner, manifest in found:
            if manifest.kind == "ConfigMap" and manifest.name == "cilium-config":
                for target in self._targets(inner):
                    yield Install(_of_config_map(manifest), target, _rank(target))

    def _inline_manifests(self) -> Iterator[tuple[str, Manifest]]:
        for file in self._files.of_kinds(frozenset({b"ConfigMap"})):
            if b"inlineManifests" not in file.data or b"cilium-config" not in file.data:
                continue
            for document in _documents(file.data):
                route = "/cluster/inlineManifests"
                listed = items(mapping(mapping(document.value).get("cluster")).get("inlineManifests"))
                for index, written in enumerate(listed):
                    above = yamltext.locate(document, f"{route}/{index}/contents").line
                    for inner in _documents(str(written.get("contents") or "").encode()):
                        if isinstance(inner.value, dict):
                            source = Source(file.path, above + yamltext.locate(inner, "").line)
                            yield self._files.inner(file.path), Manifest(source, inner.value)

    def kops(self) -> Iterator[Install]:
        """Cilium as kOps installs it: `spec.networking.cilium` of its Cluster, which gives nodes their ranges."""
        for inner, manifest in self._manifests(b"Cluster", "Cluster"):
            networking = mapping(mapping(manifest.value.get("spec")).get("networking"))
            if api_group(manifest.value) == KOPS and isinstance(networking.get("cilium"), dict):
                stated = mapping(networking["cilium"])
                settings = CiliumSettings(
                    manifest.source,
                    name=text_or_none(stated.get("clusterName")) or DEFAULT_NAME,
                    version=(text_or_none(stated.get("version")) or "").removeprefix("v") or None,
                    ipam=text_or_none(stated.get("ipam")) or "kubernetes",
                    complete=False,
                )
                for target in self._targets(inner):
                    yield Install(settings, target, _rank(target))

    def loose(self, installs: Sequence[Install]) -> Iterator[Install]:
        """Values that no release refers to, such as those of `helm install -f`: known by their name and content.

        Values that do not name their cluster count where they are the only word about Cilium in the tree.
        """
        found = [install for install in (*self._loose_charts(), *self._loose_values()) if not _is_kept_aside(install)]
        named = [install for install in found if install.settings.name is not None]
        yield from named
        if not named and not installs and len(found) == 1:
            yield replace(found[0], settings=replace(found[0].settings, name=DEFAULT_NAME))

    def _loose_charts(self) -> Iterator[Install]:
        for folder in self._files.charts:
            if folder in self._released:
                continue
            for values, version in self._of_chart(Chart("", folder=folder), {}):
                path = self._files.names[joined(folder, "Chart.yaml")]
                yield Install(read_values(values, Source(path, 1), version, complete=False), None, LOOSE)

    def _loose_values(self) -> Iterator[Install]:
        for inner, path in self._files.names.items():
            if CHART not in inner:
                continue
            base = posixpath.basename(inner)
            if (
                inner in self._used
                or "values" not in base
                or not base.endswith((".yaml", ".yml"))
                or self._files.is_in_chart(inner)
            ):
                continue
            values = self._values.file(inner)
            if values and "kind" not in values and _are_of_cilium(values):
                yield Install(read_values(values, Source(path, 1), None, complete=False), None, LOOSE)

    def by_command(self) -> Iterator[Install]:
        """What scripts and tasks install, where it is the only word about Cilium in the tree, and one word."""
        found = [program.install for program in self._files.programs if program.install is not None]
        commands = [command for command in found if not is_aside(command.source.path)]
        stated = [(*self._commanded(command), command.source) for command in commands]
        if not stated:
            # A pipeline of a forge may be one for tests: its settings do not count, but a name in it is in doubt.
            named = [
                command
                for command in found
                if is_pipeline(command.source.path) and (command.conditional or self._names(command))
            ]
            yield from (Install(CiliumSettings(command.source, complete=False), None, LOOSE) for command in named[:1])
            return
        certain = [settings for settings, command in zip(stated, commands, strict=True) if not command.conditional]
        if not certain or any(other[:2] != stated[0][:2] for other in stated):
            differ = CiliumSettings(stated[0][2], complete=False, unread="commands of which not every one runs")
            yield Install(differ, None, LOOSE)
            return
        values, version, source = certain[0]
        unread = ", ".join(dict.fromkeys(text for command in commands for text in self._unread(command)))
        settings = replace(read_values(values, source, version, complete=False), unread=unread)
        if not any(map(self._may_name, commands)):
            settings = replace(settings, name=settings.name or DEFAULT_NAME)
        yield Install(settings, None, LOOSE)

    def _unread(self, command: CiliumCommand) -> Iterator[str]:
        """What a command takes values from that is not read."""
        files = zip(command.files, self._value_files(command), strict=True)
        yield from (name for name, found in files if not any(found))
        yield from command.unknown
        if command.open_ended:
            yield "arguments that are only known once it runs"

    def _names(self, command: CiliumCommand) -> bool:
        return self._may_name(command) or any(path == "cluster.name" for path, _ in command.sets)

    def _may_name(self, command: CiliumCommand) -> bool:
        """Whether a command may give the cluster a name that is not known."""
        missing = any(not any(found) for found in self._value_files(command))
        return command.open_ended or missing or any(path in ("cluster", "cluster.name") for path in command.unknown)

    def _commanded(self, command: CiliumCommand) -> tuple[Mapping[str, Any], str | None]:
        """The values of an installation by a command, its files' below those that it sets, and its version."""
        read = [part for found in self._value_files(command) for part in found]
        values: Mapping[str, Any] = over([*filter(None, read), command.given])
        for path, text in command.sets:
            values = set_value(values, path, typed(text)) or values
        for path in command.unknown:
            values = set_value(values, path, None) or values
        return values, command.version

    def _value_files(self, command: CiliumCommand) -> list[list[Mapping[str, Any] | None]]:
        """What each values file that a command names may be: the one beside it, and that of the folder above all."""
        folder = posixpath.dirname(self._files.inner(command.source.path))
        return [[self._values.file(joined(base, name)) for base in (folder, ".")] for name in command.files]

    def pools(self) -> list[_Pool]:
        """The objects that pods get their addresses from with `ipam.mode: multi-pool`."""
        return [
            _Pool(mapping(manifest.value.get("spec")), manifest.source, target)
            for inner, manifest in self._manifests(b"CiliumPodIPPool", "CiliumPodIPPool")
            for target in self._targets(inner)
        ]

    def _targets(self, inner: str) -> Iterable[str | None]:
        return tuple(dict.fromkeys(placement.target for placement in self._placements.of(inner))) or (None,)

    def _manifests(self, mark: bytes, kind: str) -> Iterator[tuple[str, Manifest]]:
        for file in self._files.of_kinds(frozenset({mark})):
            inner = self._files.inner(file.path)
            if inner not in self._placements.patch_files:
                for manifest in self._files.manifests(file):
                    if manifest.kind == kind:
                        yield inner, manifest


def _patch_files(placement: Placement | None) -> Iterator[str]:
    for step in placement.chain if placement else ():
        yield from (patch.at.path for patch in (*step.patches, *step.late_patches) if patch.at is not None)


def _of_config_map(manifest: Manifest) -> CiliumSettings:
    stated = cluster_settings(manifest.value, (), ())
    data = mapping(manifest.value.get("data"))
    native = [data.get(f"{family}-native-routing-cidr") for family in ("ipv4", "ipv6")]
    within = tuple(cidr for text in native for cidr in ranges(text))
    return CiliumSettings(
        manifest.source,
        name=None if yamltext.has_substitution(stated["name"]) else stated["name"],
        pod_cidrs=tuple(stated["pod_cidrs"]) if "pod_cidrs" in stated else None,
        pods_within=within or None,
        ipam=text_or_none(data.get("ipam")),
        **{field: stated[field] for field in AGENT_FIELDS if field in stated},
        kube_proxy_replacement=stated.get("kube_proxy_replacement"),
        dns_name_error=stated.get("dns_name_error"),
        open=(*open_name(data.get("cluster-name")), *open_settings(data)),
    )


def _with_pools(installs: Iterable[Install], pools: Sequence[_Pool]) -> Iterator[Install]:
    """Installations with the pools that stand beside them as objects; None where one of those is not known in full."""
    for install in installs:
        beside = [pool for pool in pools if None in (pool.target, install.target) or pool.target == install.target]
        if install.settings.ipam != MULTI_POOL or not beside:
            yield install
            continue
        of_objects = pools_of(pool.spec for pool in beside)
        known = dict.fromkeys([*(install.settings.pod_cidrs or ()), *(of_objects or ())])
        cidrs = tuple(known) if of_objects else None
        cited = install.settings.cited if install.settings.pod_cidrs else (("pod_cidrs", beside[0].source),)
        yield replace(install, settings=replace(install.settings, pod_cidrs=cidrs, cited=cited))


def _is_kept_aside(install: Install) -> bool:
    """Whether nothing applies an installation that lies among examples, archives and the like."""
    return install.rank != APPLIED and is_aside(install.settings.source.path)


def _documents(data: bytes) -> list[yamltext.Document]:
    try:
        return yamltext.parse(yamltext.decode(data))
    except yamltext.YamlTextError:
        return []


def _are_of_cilium(values: Mapping[str, Any]) -> bool:
    return bool(mapping(values.get("cluster")).get("name")) or len(_OWN_KEYS & values.keys()) >= _FEWEST_KEYS


def _rank(target: str | None) -> int:
    return FOUND if target is None or target.startswith(BARE) else APPLIED
