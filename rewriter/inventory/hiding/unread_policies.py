"""The policies that are known to be somewhere and that no parser reads as one: no finding takes them for absent.

They stand in templates, scripts and programs, in files that are excluded or broken, inside manifests of other kinds,
and in sources that are not read. Such a source, a release or a chart counts where its name or its values say that it
makes network policies: nearly every repository holds one that says nothing of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any

from rewriter import patterns as re
from rewriter import yamltext
from rewriter.cilium.label_syntax import LABEL
from rewriter.cilium.policy import CCNP, CNP, KNP, is_policy
from rewriter.inventory.delivery.landing import namespace_in
from rewriter.inventory.delivery.placements import Placements
from rewriter.inventory.delivery.tree_policies import policy_files, read_inside
from rewriter.inventory.facts.model import Source, UnreadPolicy
from rewriter.inventory.files.tree_files import TreeFiles
from rewriter.inventory.hiding.generating import GENERATING_KINDS
from rewriter.inventory.releases.model import Made, Release
from rewriter.inventory.texts.embedded import NO_HOLDERS
from rewriter.inventory.texts.manifests import Manifest, mapping
from rewriter.inventory.texts.policies_in_text import KIND, may_hold_policies, policies_in
from rewriter.inventory.texts.remote_manifests import defines_kinds

_API = re.compile(r"cilium\.io/|networking\.k8s\.io/|extensions/")
_NAMESPACE = re.compile(rf"""^[ \t]*namespace[ \t]*:[ \t]*["']?({LABEL})["']?[ \t]*(?:#.*)?$""", re.MULTILINE)
_BREAK = re.compile(r"^---(?:[ \t].*)?$", re.MULTILINE)
_DEEPEST = 40
#: Members of a chart's values that have it make policies, and what of it says that these are Cilium's.
_SWITCH = re.compile(r"networkpolic(?:y|ies)|netpols?$|^cc?nps?$")
_OF_CILIUM = re.compile(r"cilium|^cc?nps?$")
#: Charts that make NetworkPolicies unless a value says no (fluxcd-community/helm-charts charts/flux2 2.16, and
#: controlplaneio-fluxcd/charts charts/flux-instance 0.12). Those of Bitnami are known by where they come from.
_BY_DEFAULT = {"flux2": ("policies", "create"), "flux-instance": ("instance", "cluster", "networkPolicy")}
_BITNAMI = re.compile(r"bitnami", re.IGNORECASE)
#: What the operator of Flux makes a FluxInstance of: NetworkPolicies too, unless it says no.
_FLUX_INSTANCE = b"FluxInstance"


def unread_policies(files: TreeFiles, placements: Placements, releases: Iterable[Made]) -> Iterator[UnreadPolicy]:
    """Each of them, with its place; several for a text that names several."""
    read = set()
    for file in (*policy_files(files), *files.of_kinds(GENERATING_KINDS)):
        if file.path in read:
            continue
        read.add(file.path)
        manifests = files.manifests(file)
        if any(source.path == file.path for source in files.unreadable):
            yield from _in_text(file.path, file.text.decode("utf-8", "replace"), whole=not manifests)
        for manifest in manifests:
            if not is_policy(manifest.value):
                yield from _inside(manifest) if manifest.kind not in NO_HOLDERS else ()
            elif manifest.value.get("sops"):
                yield UnreadPolicy(manifest.kind, None, manifest.source, "a file that sops encrypts")
    for unread in files.unread:
        if unread.path in read:
            continue
        if unread.text is not None:
            yield from _in_text(unread.path, unread.text.decode("utf-8", "replace"), whole=True)
        elif may_hold_policies(unread.path):
            yield UnreadPolicy("policy", None, unread.source, f"a file that {unread.why}")
    for path, text in files.policy_texts:
        for kind, line, maker in policies_in(path, text):
            yield UnreadPolicy(kind, None, Source(path, line), maker)
    for made in releases:
        if not made.complete:
            yield from _of_release(made.release)
    for file in files.of_kinds(frozenset({_FLUX_INSTANCE})):
        for manifest in files.manifests(file):
            spec = mapping(manifest.value.get("spec"))
            if manifest.kind == _FLUX_INSTANCE.decode() and not _is_off(spec, ("cluster", "networkPolicy")):
                home = namespace_in(manifest.value)
                where = home if isinstance(home, str) else None
                yield UnreadPolicy(KNP, where, manifest.source, f"FluxInstance {manifest.name}")
    yield from _elsewhere(placements)


def _of_release(release: Release) -> Iterator[UnreadPolicy]:
    """The policies of a release that is not rendered, by the name of its chart and by its values."""
    maker = f"{release.kind} {release.name}"
    if may_hold_policies(release.name) or may_hold_policies(f"{release.chart.folder or ''} {release.chart.name}"):
        yield UnreadPolicy("policy", None, release.source, maker)
    kinds = dict.fromkeys(_switched_on(release.values, 0))
    if _makes_policies(release):
        kinds[KNP] = None
    for kind in kinds:
        yield UnreadPolicy(kind, None if kind == CCNP else release.namespace, release.source, maker)


def _makes_policies(release: Release) -> bool:
    """Whether a chart makes policies of which its values say nothing."""
    switch = _BY_DEFAULT.get(release.chart.name)
    if switch is None and _BITNAMI.search(f"{release.chart.url or ''} {release.chart.folder or ''}"):
        switch = ("networkPolicy", "enabled")
    return switch is not None and not _is_off(release.values, switch)


def _is_off(values: Any, switch: Iterable[str]) -> bool:
    """Whether a value says no."""
    for name in switch:
        values = mapping(values).get(name)
    return values is False


def _switched_on(values: Any, depth: int) -> Iterator[str]:
    """The kinds of policy that the values of a chart have it make."""
    if depth > _DEEPEST:
        return
    if isinstance(values, list):
        for item in values:
            yield from _switched_on(item, depth + 1)
    if not isinstance(values, Mapping):
        return
    for name, value in values.items():
        key = str(name).lower().replace("-", "").replace("_", "")
        if _SWITCH.search(key) is None:
            yield from _switched_on(value, depth + 1)
        elif _is_on(value):
            cilium = _OF_CILIUM.search(key) is not None or "cilium" in str(mapping(value).get("flavor")).lower()
            yield (CCNP if "clusterwide" in key else CNP) if cilium else KNP


def _is_on(value: Any) -> bool:
    """Whether a value switches something on: one that is not empty, and not off by a member of its own."""
    if isinstance(value, Mapping):
        return any(value.values()) and not any(value.get(name) is False for name in ("enabled", "enable", "create"))
    return bool(value) and str(value).lower() != "false"


def _elsewhere(placements: Placements) -> Iterator[UnreadPolicy]:
    """The policies of other repositories, and of files that are not there, whose names say that they hold some."""
    for folder, kustomization in placements.kustomizations.items():
        if placements.targets_of(folder):
            remote = (f"remote {url}" for url in kustomization.remote if not defines_kinds(url))
            for words in (*remote, *kustomization.hiding):
                if may_hold_policies(words):
                    yield UnreadPolicy("policy", None, kustomization.source, words)
            for words in kustomization.generating:
                yield UnreadPolicy("policy", None, kustomization.source, words)
    for unread in placements.unread:
        if may_hold_policies(unread.words):
            yield UnreadPolicy("policy", None, unread.source, unread.words)


def _in_text(path: str, text: str, *, whole: bool) -> Iterator[UnreadPolicy]:
    """Those of a file's documents that hold template markup; of a file that is not YAML (`whole`), of all."""
    starts = [0, *(match.end() for match in _BREAK.finditer(text)), len(text)]
    for start, end in pairwise(starts):
        part = text[start:end]
        if not whole and yamltext.template_markup(part) is None:
            continue
        for match in KIND.finditer(part):
            source = Source(path, text.count("\n", 0, start + match.start(1)) + 1)
            maker = "a template" if yamltext.template_markup(text) is not None else "a file that cannot be read"
            yield _unread(match[1], part, source, maker)


def _unread(kind: str, text: str, source: Source, maker: str) -> UnreadPolicy:
    """Its namespace is the only one that its text names; with none, or several, it may land in any."""
    named = set(_NAMESPACE.findall(text))
    namespace = named.pop() if kind != CCNP and len(named) == 1 and text.count("namespace:") == 1 else None
    return UnreadPolicy(kind, namespace, source, maker, text)


def _inside(manifest: Manifest) -> Iterator[UnreadPolicy]:
    """The policies inside a manifest of another kind, as mappings or as text."""
    home = mapping(manifest.value.get("spec")).get("targetNamespace") or namespace_in(manifest.value)
    release = manifest.kind == "HelmRelease"
    maker = f"{manifest.kind} {manifest.name}"
    read = {(str(value["kind"]), str(mapping(value.get("metadata")).get("name"))) for value in read_inside(manifest)}
    for kind, namespace, text, name in _embedded(manifest.value, 0):
        if (kind, name) in read:
            continue
        where = namespace if isinstance(namespace, str) else home if release and isinstance(home, str) else None
        yield UnreadPolicy(kind, None if kind == CCNP else where, manifest.source, maker, text)


def _embedded(value: Any, depth: int) -> Iterator[tuple[str, Any, str, str]]:
    """Kind, namespace, text and name of each; texts have no name here."""
    if depth > _DEEPEST:
        return
    if isinstance(value, str):
        if "NetworkPolicy" in value and _API.search(value):
            for match in KIND.finditer(value):
                yield match[1], _unread(match[1], value, Source(""), "").namespace, value, ""
    elif isinstance(value, Mapping):
        if value.get("kind") in (CNP, CCNP, KNP) and depth:
            namespace = namespace_in(value)
            known = isinstance(namespace, str) and "{" not in namespace and "<" not in namespace
            yield (
                str(value["kind"]),
                namespace if known else None,
                str(value),
                str(mapping(value.get("metadata")).get("name")),
            )
        for kind in _cloned(value):
            yield kind, None, str(value), ""
        for item in value.values():
            yield from _embedded(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            yield from _embedded(item, depth + 1)


def _cloned(value: Mapping[str, Any]) -> Iterator[str]:
    """The kinds of policy that a rule of Kyverno copies from another namespace."""
    kinds = mapping(value.get("cloneList")).get("kinds")
    for kind in kinds if isinstance(kinds, list) else ():
        name = str(kind).rpartition("/")[2]
        if name in (CNP, CCNP, KNP):
            yield name
