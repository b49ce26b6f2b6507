"""What may make pods and Services that are not among the facts: files, charts, kinds and appliers that are not read.

One reason for each, with its file and line, and with the namespaces and clusters that it may reach as far as they are
known (DESIGN section 8). `rewriter.inventory.facts.completeness` makes the answer for one place of them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from rewriter import patterns as re
from rewriter.cilium.label_syntax import LABEL
from rewriter.inventory.delivery import argo, flux
from rewriter.inventory.delivery.appliers import api_group
from rewriter.inventory.delivery.argo_plugins import plugin_taking, plugins_of
from rewriter.inventory.delivery.kustomize_walk import Placement
from rewriter.inventory.delivery.piped import piped
from rewriter.inventory.delivery.placements import Placements, is_applier
from rewriter.inventory.facts.completeness import CIDR_GROUPS, LIFT, Hidden
from rewriter.inventory.files.offered import OfferedFile
from rewriter.inventory.files.tree_files import TreeFiles
from rewriter.inventory.files.unread import UnreadFile
from rewriter.inventory.hiding.cut_lists import cut_lists
from rewriter.inventory.hiding.generating import GENERATING_KINDS, generated_in
from rewriter.inventory.hiding.given_labels import GivenLabels
from rewriter.inventory.hiding.namespace_labels import namespace_labellers
from rewriter.inventory.hiding.unread_appliers import may_bring_others
from rewriter.inventory.objects.kubernetes import namespace_of
from rewriter.inventory.objects.operators import convention_of, own_keys
from rewriter.inventory.objects.pod_templates import pod_templates, wrapped_pods
from rewriter.inventory.releases.model import APPS_CHART, Made
from rewriter.inventory.texts.kinds_in_text import may_hold_pods
from rewriter.inventory.texts.manifests import Manifest, items, mapping
from rewriter.inventory.texts.remote_manifests import defines_kinds, namespace_of_release
from rewriter.inventory.texts.understood import INERT_NAMES, is_fact, is_inert, known_labels

_END = rb"""[ \t]*,?[ \t]*(?:[#}].*)?\r?$"""
_NAMESPACE = re.compile(
    rb"""^[ \t{,-]*["']?namespace["']?[ \t]*:[ \t]*["']?(""" + LABEL.encode() + rb""")["']?""" + _END, re.MULTILINE
)
_NAMES_ONE = re.compile(rb"""["']?\b(?:apiVersion|kind)["']?[ \t]*:|\?\s+["']?(?:apiVersion|kind)\b""")
_GROUP = b"CiliumCIDRGroup"
_BREAK = re.compile(rb"^---", re.MULTILINE)

#: What else an operator may call a namespace that it puts pods into.
_NAMESPACE_FIELDS = frozenset(
    {"namespace", "targetNamespace", "namespaces", "targetNamespaces", "destinationNamespace"}
)

_MEND = f"mend the file, or {LIFT}"
_WHOLE = f"fetch the whole list, or {LIFT}"
_CHECK_OUT = f"check it out, or {LIFT}"
_RENDER = f"render it and keep the result in the tree, or {LIFT}"
_INERT = f"name the kind in `inert_kinds` under [facts] if it makes no pods and no Services, or {LIFT}"
_INCLUDE = f"take the file out of `exclude` and silence its findings with [[per-path]], or {LIFT}"


#: Lines that say nothing of where a pod is and what selects it.
_IMAGE = re.compile(r"""\b(?:image|replicas)["']?[ \t]*:[ \t]*(?:"[^"\n]*"|'[^'\n]*'|[^\s,}\]]+)""")

#: What Helm installs: `releases` has these.
_RELEASES = frozenset({(flux.HELM_GROUP, "HelmRelease"), ("helm.cattle.io", "HelmChart")})


#: Namespaces in which controllers look for what they are to apply.
_OF_APPLIERS = frozenset(
    {"argo", "argocd", "argo-cd", "cattle-fleet-system", "fleet-default", "fleet-local", "flux-system"}
)
#: A template of an object that brings others.
_APPLIERS = re.compile(
    rb"""^[ \t]*["']?kind["']?:[ \t]*["']?(?:Application(?:Set)?|HelmRelease|HelmChart|Kustomization)\b""", re.MULTILINE
)
#: Words in the name of a file for such objects.
_APPLIES = re.compile(r"helm-?release|helm-?chart|application|appset|(?:^|[/_-])(?:apps?|hr|ks)\.ya?ml")


class HiddenSources:
    """Goes through the files and the appliers of a tree.

    `is_applied` says of a file whether anything, or a person, may apply it, `clusters_of` to which clusters
    (None among them: one that is not known). `inert_kinds` are the config's kinds without pods, `releases` are those of
    Helm, with what they make, `operators` the conventions whose resources are facts.
    """

    def __init__(
        self,
        files: TreeFiles,
        placements: Placements,
        is_applied: Callable[[str], bool],
        clusters_of: Callable[[str], Iterable[str | None]],
        inert_kinds: Collection[str] = (),
        releases: Sequence[Made] = (),
        operators: Collection[str] = (),
    ) -> None:
        self._operators = frozenset(operators)
        self._plugins = plugins_of(files)
        self._releases = releases
        self._files = files
        self._placements = placements
        self._is_applied = is_applied
        self._clusters_of = clusters_of
        self._inert_kinds = frozenset(inert_kinds)
        self._labels = GivenLabels(files)

    def all(self) -> Iterator[Hidden]:
        """Every reason. All files must have been offered."""
        for made in self._releases:
            if not made.complete:
                yield self._release(made)
            else:
                yield from self._rendered(made)
        for file in self._files.files.where(lambda file: file.unknown):
            inner = self._files.inner(file.path)
            if inner not in self._placements.patch_files and self._is_applied(file.path):
                yield from self._objects(file, inner)
        for source in cut_lists(self._files, self._inert_kinds):
            if self._is_applied(source.path):
                yield self._hidden(f"{source} is a list that the API server cut off", None, source.path, _WHOLE)
        yield from self._charts()
        for unread_file in self._files.unread:
            if self._concerns(unread_file):
                lift = _INCLUDE if unread_file.excluded else _RENDER if unread_file.template else _MEND
                lift = _CHECK_OUT if unread_file.missing else lift
                brings = self._may_bring_others(self._files.inner(unread_file.path), unread_file.text)
                yield self._hidden(
                    f"{unread_file.source} {unread_file.why}",
                    None if brings else self._namespaces_in(unread_file.path, unread_file.text),
                    unread_file.path,
                    lift,
                )
        for program in self._files.programs:
            namespaces = None if program.namespace is None else {program.namespace}
            yield self._hidden(f"{program.words} {program.source}", namespaces, program.source.path, _RENDER)
        yield from self._generated()
        yield from self._filtered()
        yield from self._applied_elsewhere()
        yield from self._groups()
        yield from namespace_labellers(self._files)

    def _release(self, made: Made) -> Hidden:
        """A release that is known in part; rendering it makes it known."""
        release = made.release
        lift = f"put helm on PATH and give --render-fetch, which renders it, or {LIFT}"
        reason = f" ({made.reason})" if made.reason else ""
        words = f"{release.kind} {release.name}{reason}, {release.source}"
        makes_appliers = release.chart.name == APPS_CHART or (
            release.chart.folder is not None
            and any(map(_APPLIERS.search, self._files.templates_of(release.chart.folder)))
        )
        namespaces = None if release.namespace is None or makes_appliers else {release.namespace}
        found = self._hidden(words, namespaces, release.source.path, lift if "not rendered" in made.reason else LIFT)
        remote = release.placement is not None and release.placement.target.startswith("kubeconfig ")
        return replace(found, clusters=None) if remote else found

    def _rendered(self, made: Made) -> Iterator[Hidden]:
        """The objects of a rendered chart that may make pods beside those that are known."""
        for manifest in made.manifests:
            value, path = manifest.value, manifest.source.path
            if not manifest.metadata.get("namespace") and made.release.namespace:
                value = {**value, "metadata": {**manifest.metadata, "namespace": made.release.namespace}}
            placed = Manifest(manifest.source, value)
            if (api_group(value), manifest.kind) in _RELEASES:
                namespace, words = _made(placed)
                yield self._hidden(words, None if namespace is None else {namespace}, path)
            elif is_applier(value):
                if not self._placements.knows(manifest):
                    yield self._hidden(f"{manifest.kind} {manifest.name}, {manifest.source}", None, path)
            elif not is_fact(value) and not is_inert(value, self._inert_kinds):
                yield from self._object(placed, path, None)

    def _concerns(self, unread: UnreadFile) -> bool:
        """Whether an unread file may be applied and make pods; those of charts are rendered, or not, with them."""
        inner = self._files.inner(unread.path)
        if inner in self._placements.patch_files:
            return False
        if unread.missing and self._files.is_in_chart(inner):
            return True  # What helm makes of the rest of the chart is not what is applied.
        if not self._may_hold_pods(unread.text) and not self._may_bring_others(inner, unread.text):
            return False
        if self._files.is_in_chart(inner) and not self._placements.of(inner):
            return False
        return unread.applied or self._is_applied(unread.path)

    def _objects(self, file: OfferedFile, inner: str) -> Iterator[Hidden]:
        """The objects of a file that may make pods beside those that are known."""
        for manifest in self._files.manifests(file):
            value = manifest.value
            release = (api_group(value), manifest.kind) in _RELEASES
            if release or is_fact(value) or is_inert(value, self._inert_kinds):
                continue
            for placement in self._placements.of(inner) or (None,):
                yield from self._object(manifest, file.path, placement)

    def _object(self, manifest: Manifest, path: str, placement: Placement | None) -> Iterator[Hidden]:
        """What an object may make beside its own pods, as a placement applies it."""
        value = manifest.value
        yield from wrapped_pods(manifest, self._known_clusters(path))
        if convention_of(value) is None and next(pod_templates(value), None) is not None:
            return
        applied = Manifest(manifest.source, placement.apply(value) if placement else value)
        namespace, words = _made(applied)
        found = None if namespace is None else {namespace, *_named_in(applied.value.get("spec"))}
        # What an operator is known to make is a fact; only labels of its own may be missing there.
        convention = convention_of(value) or ""
        followed = convention in self._operators
        keys = own_keys(convention, applied.value) if followed else self._labels.keys_of(value)
        yield replace(self._hidden(words, found, path, _INERT), keys=keys, labels=known_labels(value))

    def _groups(self) -> Iterator[Hidden]:
        """The files with CiliumCIDRGroups that are not read: charts' templates, and what does not parse."""
        groups = frozenset({CIDR_GROUPS})
        for folder in self._files.charts:
            if any(_GROUP in text for text in self._files.templates_of(folder)):
                words = f"chart {folder}, which is not rendered"
                yield Hidden(words, _RENDER, groups=groups)
        for unread_file in self._files.unread:
            if unread_file.text is not None and _GROUP in unread_file.text:
                yield Hidden(f"{unread_file.source} {unread_file.why}", _MEND, groups=groups)

    def _generated(self) -> Iterator[Hidden]:
        """The objects that policies of Kyverno generate."""
        for file in self._files.of_kinds(GENERATING_KINDS):
            if self._is_applied(file.path):
                for manifest in self._files.manifests(file):
                    for namespace in generated_in(manifest, self._inert_kinds):
                        words = f"what {manifest.kind} {manifest.name} generates, {manifest.source}"
                        yield self._hidden(words, None if namespace is None else {namespace}, file.path)

    def _filtered(self) -> Iterator[Hidden]:
        """What programs that stand between manifests and kubectl make of pods and Services."""
        if not self._files.filtering_texts:
            return
        facts = {
            self._files.inner(file.path): file
            for file in self._files.files.where(lambda file: not file.kinds <= INERT_NAMES or file.unknown)
        }
        for other in piped(self._files, self._placements.kustomizations, list(facts)):
            touched = [inner for inner in other.listed if other.filter.may_change(_without_images(facts[inner]))]
            if touched:
                found = {name for inner in touched for name in self._landing(facts[inner], inner)}
                places = None if None in found else {name for name in found if name is not None}
                yield self._hidden(f"what {other.words} makes of manifests", places, other.source.path, _RENDER)

    def _landing(self, file: OfferedFile, inner: str) -> Iterator[str | None]:
        """The namespaces to which the manifests of a file are applied, None among them where one is not known."""
        for manifest in self._files.manifests(file):
            for placement in self._placements.of(inner) or (None,):
                value = placement.apply(manifest.value) if placement else manifest.value
                yield _made(Manifest(manifest.source, value))[0]

    def _charts(self) -> Iterator[Hidden]:
        """The charts of the tree that no release of it installs: a person may, into any namespace."""
        installed = {*self._installed(), *(made.release.chart.folder for made in self._releases)}
        for folder in self._files.charts:
            if b"type: library" in (self._files.bytes_of(f"{folder}/Chart.yaml".removeprefix("./")) or b""):
                continue
            text = b"\n---\n".join(self._files.templates_of(folder))
            if folder not in installed and (not text or self._may_hold_pods(text)):
                words = f"chart {folder}, which is not rendered"
                yield self._hidden(words, None, f"{folder}/Chart.yaml", _RENDER)

    def _installed(self) -> Iterator[str]:
        for file in self._files.of_kinds(frozenset({b"HelmRelease"})):
            for manifest in self._files.manifests(file):
                chart = mapping(mapping(mapping(manifest.value.get("spec")).get("chart")).get("spec")).get("chart")
                if isinstance(chart, str):
                    yield chart.removeprefix("./").strip("/")
        for application in self._placements.applications:
            for source in argo.sources_of(mapping(application.value.get("spec"))):
                if isinstance(source.get("path"), str):
                    yield source["path"].removeprefix("./").strip("/")

    def _applied_elsewhere(self) -> Iterator[Hidden]:
        """What Applications, Kustomizations of Flux and kustomizations bring that does not stand in this tree."""
        for application in self._placements.applications:
            spec = mapping(application.value.get("spec"))
            if any(source.get("plugin") for source in argo.sources_of(spec)):
                namespace = _text(mapping(spec.get("destination")).get("namespace"))
                name = mapping(application.value.get("metadata")).get("name")
                words = f"Application {name}, {application.source}"
                yield self._hidden(words, None if namespace is None else {namespace}, application.source.path)
                continue
            taking = (plugin_taking(self._plugins, source, self._files) for source in argo.sources_of(spec))
            plugin = next(
                (candidate for candidate in taking if candidate is not None and not candidate.fills_in),
                None,
            )
            if plugin is not None:
                namespace = _text(mapping(spec.get("destination")).get("namespace"))
                name = mapping(application.value.get("metadata")).get("name")
                words = f"Application {name}, which plugin {plugin.name} of Argo CD may take, {plugin.source}"
                yield self._hidden(words, None if namespace is None else {namespace}, application.source.path)
        for unread in self._placements.unread:
            namespaces = None if unread.namespace is None else {unread.namespace}
            yield self._hidden(f"{unread.words}, {unread.source}", namespaces, unread.source.path)
        for folder, kustomization in self._placements.kustomizations.items():
            if not self._placements.targets_of(folder):
                continue
            place = self._placements.namespaces_of(folder)
            if place is not None and place & _OF_APPLIERS:
                place = None  # What is put there may be an Application or a release, whose pods go elsewhere.
            for url in kustomization.remote:
                if not defines_kinds(url):
                    own = namespace_of_release(url) if place is None else None
                    yield self._hidden(
                        f"remote {url}, {kustomization.source}", {own} if own else place, kustomization.source.path
                    )
            for patch in (*kustomization.transform.patches, *kustomization.transform.late_patches):
                kind = patch.target.get("kind") or mapping(patch.merge).get("kind", "")
                if patch.unread and str(kind).encode() not in INERT_NAMES:
                    yield self._hidden(f"{patch.words}, which cannot be read,", place, kustomization.source.path)
            for words in kustomization.hiding:
                there = None if _APPLIES.search(words.lower()) else place
                yield self._hidden(f"{words}, {kustomization.source}", there, kustomization.source.path)

    def _hidden(self, words: str, namespaces: Collection[str] | None, path: str, lift: str = LIFT) -> Hidden:
        places = None if namespaces is None else frozenset(namespaces)
        return Hidden(words, lift, places, self._known_clusters(path))

    def _known_clusters(self, path: str) -> frozenset[str] | None:
        """The clusters that a file is applied to; None where one of them is not known."""
        names = list(self._clusters_of(path))
        known = frozenset(name for name in names if name is not None)
        return known if known and None not in names else None

    def _may_bring_others(self, inner: str, text: bytes | None) -> bool:
        """Whether a text that is not read may bring what stands elsewhere, or change pods on their way."""
        return text is not None and may_bring_others(
            inner, text, lambda other: other in self._unread or self._files.on_disk(other).exists()
        )

    @cached_property
    def _unread(self) -> Collection[str]:
        """The files that are not read, by inner path."""
        return frozenset(self._files.inner(file.path) for file in self._files.unread)

    def _may_hold_pods(self, text: bytes | None) -> bool:
        """Whether a text that is not read may hold a manifest of something that makes pods or Services."""
        if text is None:
            return True
        if not _NAMES_ONE.search(text):
            return False
        return may_hold_pods(text, self._inert_kinds)

    def _namespaces_in(self, path: str, text: bytes | None) -> Collection[str] | None:
        """The namespaces that an unread text may be applied to, None where it names none."""
        placements = self._placements.of(self._files.inner(path))
        if placements:
            named = {
                next((s.namespace for s in reversed(placement.chain) if s.namespace), None) for placement in placements
            }
            if None not in named:
                return {name for name in named if name is not None}
        if text is None:
            return None
        found: set[str] = set()
        for document in _BREAK.split(text):
            if _NAMES_ONE.search(document):
                names = {name.decode() for name in _NAMESPACE.findall(document)}
                if not names:
                    return None
                found |= names
        return found


def _without_images(file: OfferedFile) -> str:
    return _IMAGE.sub("", file.text.decode("utf-8", "replace"))


def _made(manifest: Manifest) -> tuple[str | None, str]:
    namespace = _text(mapping(manifest.value.get("spec")).get("targetNamespace")) or namespace_of(manifest)
    return namespace, f"{manifest.kind} {manifest.name}, {manifest.source}"


def _named_in(value: Any, depth: int = 0) -> Iterator[str]:
    """The namespaces that an object's own fields name."""
    if depth > 6:
        return
    if isinstance(value, dict):
        for key, part in value.items():
            if key in _NAMESPACE_FIELDS:
                yield from (name for name in (part if isinstance(part, list) else [part]) if _text(name))
            yield from _named_in(part, depth + 1)
    for part in items(value):
        yield from _named_in(part, depth + 1)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value and "$" not in value and "{{" not in value else None
