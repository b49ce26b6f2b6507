"""What may change every manifest of a folder on its way, and cannot be followed: unreadable kustomizations, kpt,
Skaffold, filters."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping

from rewriter import patterns as re
from rewriter import yamltext
from rewriter.inventory.delivery.appliers import joined
from rewriter.inventory.delivery.kustomize import Kustomization
from rewriter.inventory.delivery.mutations import MUTATION_KINDS
from rewriter.inventory.delivery.piped import Piped, piped
from rewriter.inventory.delivery.program_changes import program_changes
from rewriter.inventory.facts.model import Source
from rewriter.inventory.files.skaffold import SKAFFOLD, manifest_places, transforms
from rewriter.inventory.files.tree_files import KUSTOMIZATION_NAMES, TreeFiles
from rewriter.inventory.texts.manifests import items, mapping
from rewriter.records import dataclass

KPTFILE = "Kptfile"
#: Bundles of Rancher Fleet, and what in them changes manifests.
_FLEET = "fleet.yaml"
_OVERLAYS = re.compile(rb"\boverlays:[ \t]*(?:\[[^\]\s]|\r?\n)")
#: Kinds whose patches are followed.
_FOLLOWED = MUTATION_KINDS | {
    *(b"Kustomization", b"Component", b"Application", b"ApplicationSet", b"HelmRelease"),
    *(b"PatchTransformer", b"PatchJson6902Transformer", b"PatchStrategicMergeTransformer"),
}
#: An item of a list of paths, as far as a text that does not parse shows it.
_ENTRY = re.compile(r"""^[ \t]*-[ \t]+["']?([\w./-]+)["']?[ \t]*(?:#.*)?$""", re.MULTILINE)
_FLOW_LIST = re.compile(r"^[ \t]*(?:resources|bases|components)[ \t]*:[ \t]*\[([^\]\n]*)\]", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class FolderChange:
    """`words` name what may change the manifests of `places`: inner paths of files and folders."""

    words: str
    source: Source
    places: tuple[str, ...]

    def may_touch(self, inner: str) -> bool:
        return any(place == "." or inner == place or inner.startswith(f"{place}/") for place in self.places)


def folder_changes(files: TreeFiles, kustomizations: Mapping[str, Kustomization]) -> Iterator[FolderChange]:
    """Every one of them."""
    for inner, source in files.broken_kustomizations:
        folder = inner.rpartition("/")[0] or "."
        text = (files.bytes_of(inner) or b"").decode("utf-8", "replace")
        entries = _ENTRY.findall(text) + [
            word.strip(" \t\"'") for listed in _FLOW_LIST.findall(text) for word in listed.split(",")
        ]
        entered = dict.fromkeys((folder, *(joined(folder, entry) for entry in entries if entry)))
        yield FolderChange(f"kustomization {source}, which cannot be read,", source, tuple(entered))
    for inner, path in files.names.items():
        if not inner.endswith((KPTFILE, _FLEET, SKAFFOLD)):
            continue
        if inner.rpartition("/")[2] == KPTFILE and has_mutators(files.bytes_of(inner) or b""):
            yield FolderChange(f"the pipeline of {path}", Source(path), (inner.rpartition("/")[0] or ".",))
        if inner.rpartition("/")[2] == _FLEET and _OVERLAYS.search(files.bytes_of(inner) or b""):
            yield FolderChange(f"an overlay of {path}", Source(path), (inner.rpartition("/")[0] or ".",))
        if inner.rpartition("/")[2] == SKAFFOLD and transforms(files.bytes_of(inner) or b""):
            places = manifest_places(files.bytes_of(inner) or b"", inner.rpartition("/")[0] or ".")
            yield FolderChange(f"`transform` of {path}", Source(path), places)
    policies = files.files.where(lambda file: any(b"NetworkPolicy" in kind for kind in file.kinds))
    holding = [files.inner(file.path) for file in policies]
    patches = frozenset(inner for kustomization in kustomizations.values() for inner in kustomization.patch_files)
    for path, data in files.changing_texts:
        folder, _, name = files.inner(path).rpartition("/")
        if name in KUSTOMIZATION_NAMES and (folder or ".") in kustomizations:
            continue
        if _is_followed(files, files.inner(path), data, patches):
            continue
        for words, source, touched in program_changes(path, files.inner(path), data, holding):
            yield FolderChange(words, source, touched)
    for other in piped(files, kustomizations, holding):
        touched = tuple(inner for inner in other.listed if _may_change(other, files, inner, kustomizations))
        if touched:
            yield FolderChange(other.words, other.source, touched)


def _is_followed(files: TreeFiles, inner: str, data: bytes, patches: Container[str]) -> bool:
    """Whether the patches in a manifest are followed from what applies it: no program, no template, no values."""
    if inner in patches:
        return True
    try:
        values = [mapping(document.value) for document in yamltext.parse(yamltext.decode(data)) if document.value]
    except yamltext.YamlTextError:
        return False
    if files.is_in_chart(inner) or not all(str(value.get("kind")).encode() in _FOLLOWED for value in values):
        return False
    return b"argocd-apps" not in data and all(
        "postRenderers" in mapping(value.get("spec")) for value in values if value.get("kind") == "HelmRelease"
    )


def _may_change(piped: Piped, files: TreeFiles, inner: str, kustomizations: Mapping[str, Kustomization]) -> bool:
    """Whether a filter finds in a file, or in what the kustomization beside it adds, what it looks for."""
    beside = kustomizations.get(inner.rpartition("/")[0] or ".")
    texts = [files.bytes_of(inner), files.bytes_of(files.inner(beside.source.path)) if beside else None]
    return piped.filter.may_change(b"\n".join(text for text in texts if text).decode("utf-8", "replace"))


def has_mutators(data: bytes) -> bool:
    """Whether a Kptfile runs functions that change the manifests of its folder; a file that cannot be read may."""
    try:
        documents = yamltext.parse(yamltext.decode(data))
    except yamltext.YamlTextError:
        return True
    return any(items(mapping(mapping(document.value).get("pipeline")).get("mutators")) for document in documents)
