"""The policies of the tree as clusters get them, and those that stand in what cannot be read as a policy."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any

from rewriter import yamltext
from rewriter.cilium.policy import CCNP, CNP, KNP, is_policy
from rewriter.cilium.tiers import KIND as CLUSTER_NETWORK_POLICY
from rewriter.cilium.tiers import is_cluster_network_policy
from rewriter.inventory.delivery.kustomize_walk import Placement
from rewriter.inventory.delivery.landing import Delivery, namespace_in
from rewriter.inventory.delivery.patches import Patch, meant
from rewriter.inventory.delivery.placements import Placements
from rewriter.inventory.delivery.transform import transformed
from rewriter.inventory.facts.model import AppliedPolicy, RunningPolicy, Source, UnreadPolicy
from rewriter.inventory.files.tree_files import OfferedFile, TreeFiles
from rewriter.inventory.texts.embedded import embedded, home_of, plain_namespace
from rewriter.inventory.texts.manifests import Manifest, mapping
from rewriter.inventory.texts.remote_manifests import defines_kinds

#: The kinds of policy, as files name them.
POLICY_KINDS = frozenset({CNP.encode(), CCNP.encode(), KNP.encode(), CLUSTER_NETWORK_POLICY.encode()})

_KIND = re.compile(rf"""^[ \t-]*["']?kind["']?[ \t]*:[ \t]*["']?({CNP}|{CCNP}|{KNP})\b""", re.MULTILINE)
_API = re.compile(r"cilium\.io/|networking\.k8s\.io/|extensions/")
_NAMESPACE = re.compile(r"""^[ \t]*namespace[ \t]*:[ \t]*["']?([a-z0-9][-a-z0-9]*)["']?[ \t]*(?:#.*)?$""", re.MULTILINE)
#: Words in the name of a source that holds policies.
_POLICIES = re.compile(r"polic(?:y|ies)|netpols?\b|(?:^|[/_ -])cc?nps?\b")
#: Those of other engines, which judge objects at admission.
_OTHER_POLICIES = re.compile(r"kyverno|gatekeeper|kubewarden|\bopa\b|admission|pod-?security")
_BREAK = re.compile(r"^---(?:[ \t].*)?$", re.MULTILINE)
_DEEPEST = 40
#: Groups of manifests that apply what they hold.
_APPLIERS = frozenset({"helm.toolkit.fluxcd.io", "helm.cattle.io", "argoproj.io"})


def applied_policies(files: TreeFiles, placements: Placements, delivery: Delivery) -> Iterator[AppliedPolicy]:
    """The policies of the files that can be read, each once for each different way in which it is applied."""
    for file in policy_files(files):
        inner = files.inner(file.path)
        if inner in placements.patch_files:
            continue
        manifests = files.manifests(file)
        for manifest in manifests:
            if not is_policy(manifest.value) and not is_cluster_network_policy(manifest.value):
                yield from _held(manifest, file.path, delivery)
                continue
            seen: list[AppliedPolicy] = []
            for placement in placements.of(inner) or (Placement((), ""),):
                if _is_deleted(placement, manifest.value):
                    continue
                cluster = delivery.cluster_at(file.path, placement)
                value = placement.apply(manifest.value) if placement.chain else manifest.value
                doubt = _unread_patch(placement, manifest)
                applied = AppliedPolicy(value, cluster.name if cluster else None, manifest.source, doubt)
                if applied not in seen:
                    seen.append(applied)
            yield from seen


def _held(manifest: Manifest, path: str, delivery: Delivery) -> Iterator[AppliedPolicy]:
    """The policies that a manifest of another kind holds, as far as it tells where they land."""
    for value in _read_inside(manifest):
        cluster = delivery.cluster_of(path)
        doubt = f"it stands inside {manifest.kind} {manifest.name}"
        yield AppliedPolicy(value, cluster.name if cluster else None, manifest.source, doubt)


def _read_inside(manifest: Manifest) -> Iterator[Mapping[str, Any]]:
    """Those inside a manifest that land where it says, with their namespace, and of which nothing is filled in."""
    for each in embedded(manifest.value):
        namespace = namespace_in(each.manifest) or home_of(manifest.value, namespace_in)
        placed = each.manifest.get("kind") == CCNP or plain_namespace(namespace) is not None
        group = str(manifest.value.get("apiVersion")).partition("/")[0]
        if placed and each.whole and not each.patched and group in _APPLIERS and not _filled_in(each.manifest):
            metadata = {**mapping(each.manifest.get("metadata")), "namespace": namespace}
            yield {**each.manifest, "metadata": metadata}


def _filled_in(manifest: Mapping[str, Any]) -> bool:
    text = str(manifest)
    return "{{" in text or "${" in text


def with_running(policies: Iterable[AppliedPolicy], running: Iterable[RunningPolicy]) -> tuple[AppliedPolicy, ...]:
    """The policies of the tree, and of those that snapshots list the ones that the tree does not hold."""
    found = list(policies)
    known = {_named(policy.manifest, policy.cluster) for policy in found}
    for each in running:
        if not known & {_named(each.manifest, cluster) for cluster in (each.cluster, None)}:
            found.append(AppliedPolicy(each.manifest, each.cluster, each.source))
    return tuple(found)


def _named(manifest: Mapping[str, Any], cluster: str | None) -> tuple[str | None, str, str, str]:
    metadata = mapping(manifest.get("metadata"))
    return cluster, str(manifest.get("kind")), str(metadata.get("namespace")), str(metadata.get("name"))


def unread_policies(files: TreeFiles, placements: Placements) -> Iterator[UnreadPolicy]:
    """The policies in templates, in files and sources that are not read, and inside manifests of other kinds."""
    for file in policy_files(files):
        manifests = files.manifests(file)
        if any(source.path == file.path for source in files.unreadable):
            yield from _in_text(file.path, file.data.decode("utf-8", "replace"), whole=not manifests)
        for manifest in manifests:
            if not is_policy(manifest.value):
                yield from _inside(manifest)
    for unread in files.unread:
        if unread.excluded and unread.text is not None:
            yield from _in_text(unread.path, unread.text.decode("utf-8", "replace"), whole=True)
    yield from _elsewhere(placements)


def _elsewhere(placements: Placements) -> Iterator[UnreadPolicy]:
    """The policies of other repositories, and of files that are not there, whose names say that they hold some."""
    for folder, each in placements.kustomizations.items():
        if placements.targets_of(folder):
            remote = (f"remote {url}" for url in each.remote if not defines_kinds(url))
            for words in (*remote, *each.hiding):
                if _may_hold_policies(words):
                    yield UnreadPolicy("policy", None, each.source, words)
    for unread in placements.unread:
        if _may_hold_policies(unread.words):
            yield UnreadPolicy("policy", None, unread.source, unread.words)


def _may_hold_policies(words: str) -> bool:
    """Whether a source holds network policies, by its name. Nothing else of what is not read is taken for a policy."""
    words = words.lower()
    return _POLICIES.search(words) is not None and _OTHER_POLICIES.search(words) is None


def policy_files(files: TreeFiles) -> Iterator[OfferedFile]:
    """The files that may hold a policy."""
    return (file for file in files.files if file.kinds & POLICY_KINDS or (file.holds_list and b"Policy" in file.data))


def _is_deleted(placement: Placement, manifest: Mapping[str, Any]) -> bool:
    """Whether a patch takes a manifest out on its way."""
    if not any(patch.deletes for step in placement.chain for patch in step.patches):
        return False
    made: list[Patch] = []
    transformed(manifest, placement.chain, made)
    return any(patch.deletes for patch in made)


def _unread_patch(placement: Placement, manifest: Manifest) -> str:
    """What on the way changes a policy in a way that is not known, in words; empty for nothing."""
    for step in placement.chain:
        for patch in (*step.patches, *step.late_patches):
            if patch.unread and meant(patch, manifest.value, manifest.name):
                return f"a patch of {step.source} that cannot be read changes it"
        for each in step.unfollowed:
            if each.may_touch(manifest.value, manifest.value):
                return f"{each.words} may change it"
    return ""


def _in_text(path: str, text: str, *, whole: bool) -> Iterator[UnreadPolicy]:
    """Those of a file's documents that hold template markup; of a file that is not YAML (`whole`), of all."""
    starts = [0, *(match.end() for match in _BREAK.finditer(text)), len(text)]
    for start, end in pairwise(starts):
        part = text[start:end]
        if not whole and yamltext.template_markup(part) is None:
            continue
        for match in _KIND.finditer(part):
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
    read = {(str(value["kind"]), str(mapping(value.get("metadata")).get("name"))) for value in _read_inside(manifest)}
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
            for match in _KIND.finditer(value):
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
        for item in value.values():
            yield from _embedded(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            yield from _embedded(item, depth + 1)
