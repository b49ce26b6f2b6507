"""Kustomizations of the tree: what each lists, and what it does to it (kustomize 5, api/types.Kustomization)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from functools import partial
from typing import Any

from rewriter import patterns as re
from rewriter import yamltext
from rewriter.inventory.delivery.appliers import joined
from rewriter.inventory.delivery.patches import Patch, TextAt, parse_patch
from rewriter.inventory.delivery.replaced_from import objects_of, source_at
from rewriter.inventory.delivery.replacements import Replacement, read_replacements
from rewriter.inventory.delivery.secret_names import is_secret
from rewriter.inventory.delivery.transform import FieldSpec, Labels, Transform
from rewriter.inventory.delivery.transformers import Part, Reading, field_specs, read_transformers
from rewriter.inventory.delivery.unfollowed import Unfollowed, of_kustomization, of_sources
from rewriter.inventory.facts.model import Source
from rewriter.inventory.files.tree_files import KUSTOMIZATION_NAMES, TreeFiles
from rewriter.inventory.files.unread import UnreadFile
from rewriter.inventory.texts.manifests import items, mapping, text_items, text_or_none, texts
from rewriter.inventory.texts.policies_in_text import may_hold_policies
from rewriter.inventory.texts.understood import INERT_NAMES
from rewriter.records import dataclass

_API = "kustomize.config.k8s.io/"
#: Plugins that make nothing but what their kind says: those of kustomize itself, and those that decrypt Secrets.
_MAKES_OTHERS = re.compile(
    r"builtin/(?:ConfigMapGenerator|SecretGenerator|\w+Transformer)|\S+/(?i:\w*(?:ksops|secret)\w*)"
)
_CHART = "builtin/HelmChartInflationGenerator"
#: What hides where replacements that are not followed write labels.
HIDING_LABELS = "the labels that `replacements` write"
#: Fields that can change anything in a way that is not read here.
_UNREAD = ("transformers", "replacements", "vars", "validators")


@dataclass(frozen=True, slots=True)
class Kustomization:
    """One kustomization. Paths are inner ones; `remote` holds what it lists from elsewhere, as written.

    `patch_files` are files that hold patches: they are no manifests of their own. `charts` are the names of
    Helm charts that it renders. `unread` names its fields whose effect is not known, `hiding` says in words what in it
    may make objects or labels that are not read, `generating` what may make any object, so policies too.
    `keeps_namespace` says that a transformer of its own has the last word
    on namespaces. `of_components` has what those of its components do here whose replacements take values from it.
    """

    folder: str
    source: Source
    is_component: bool
    resources: tuple[str, ...]
    components: tuple[str, ...]
    remote: tuple[str, ...]
    transform: Transform
    patch_files: tuple[str, ...] = ()
    charts: tuple[Mapping[str, Any], ...] = ()
    unread: tuple[str, ...] = ()
    hiding: tuple[str, ...] = ()
    value: Mapping[str, Any] = field(default_factory=dict)
    keeps_namespace: bool = False
    generating: tuple[str, ...] = ()
    of_components: Mapping[str, Transform] = field(default_factory=dict)

    def with_inserted(self, inserted: Transform | None) -> Transform:
        """What it does once an applier has written into it: patches behind its own, the rest in place of its own."""
        own = self.transform
        if inserted is None:
            return own
        prefix, suffix = (text_or_none(self.value.get(name)) or "" for name in ("namePrefix", "nameSuffix"))
        moves = inserted.namespace is not None and not self.keeps_namespace
        held = _unknown_then(own, inserted)
        return replace(
            own,
            source=inserted.source if moves else own.source,
            namespace=inserted.namespace if moves else own.namespace,
            prefix=own.prefix.removesuffix(prefix) + inserted.prefix if inserted.prefix else own.prefix,
            suffix=inserted.suffix + own.suffix.removeprefix(suffix) if inserted.suffix else own.suffix,
            labels=(*own.labels, *inserted.labels),
            patches=(*own.patches, *inserted.patches),
            late_patches=(*inserted.late_patches, *own.late_patches),
            unfollowed=(*own.unfollowed, *held),
            replacements=() if held else own.replacements,
        )


def _unknown_then(own: Transform, inserted: Transform) -> tuple[Unfollowed, ...]:
    """What replacements are once an applier may have changed where their values come from; empty where it has not."""
    anything = inserted.patches or inserted.late_patches or inserted.components
    names = inserted.namespace or inserted.prefix or inserted.suffix or inserted.labels
    if anything or (names and any(replacement.of_metadata for replacement in own.replacements)):
        return tuple(held for replacement in own.replacements for held in replacement.held)
    return ()


def read_kustomizations(files: TreeFiles) -> dict[str, Kustomization]:
    """Every kustomization of the tree by its folder."""
    found = {}
    for inner, path in files.names.items():
        if not inner.endswith(KUSTOMIZATION_NAMES):
            continue
        folder, _, name = inner.rpartition("/")
        if name in KUSTOMIZATION_NAMES:
            value, source, index = _document(files, inner, path)
            if value is not None:
                found[folder or "."] = _kustomization(files, folder or ".", value, source, TextAt(path, index))
    return found


def _document(files: TreeFiles, inner: str, path: str) -> tuple[Mapping[str, Any] | None, Source, int]:
    """The kustomization of a file: its first document, with its index; apiVersion and kind may be left out."""
    try:
        text = yamltext.decode(files.bytes_of(inner) or b"")
        documents = [document for document in yamltext.parse(text) if isinstance(document.value, dict)]
    except yamltext.YamlTextError as error:
        files.unreadable.append(Source(path, error.line))
        why = "is a template" if error.message == "is a template" else f"cannot be read: {error.message}"
        files.unread.append(UnreadFile(path, Source(path, error.line), None, why, applied=True))
        files.broken_kustomizations.append((inner, Source(path, error.line)))
        return None, Source(path), 0
    for document in documents:
        version = document.value.get("apiVersion")
        if version is None or (isinstance(version, str) and version.startswith(_API)):
            return document.value, Source(path, yamltext.locate(document, "").line), document.index
    return None, Source(path), 0


def _kustomization(
    files: TreeFiles, folder: str, value: Mapping[str, Any], source: Source, at: TextAt
) -> Kustomization:
    resources = _here(files, folder, value, "resources", "bases")
    components = _here(files, folder, value, "components")
    lists = ("resources", "bases", "components")
    remote = [entry for name in lists for entry in text_items(value.get(name)) if is_remote(entry)]
    patch_files: list[str] = []
    listed = value.get("transformers")
    text_at = partial(_text_at, files, folder)
    reading = Reading(
        lambda entry: _transformer_parts(files, folder, entry),
        text_at,
        lambda entry: files.names.get(joined(folder, entry)),
    )
    further = read_transformers(listed if isinstance(listed, list) else (), reading, source, at)
    patch_files += [joined(folder, file) for file in further.files]
    unread = [
        Unfollowed(f"component {entry} of {source}")
        for entry in text_items(value.get("components"))
        if is_remote(entry) or joined(folder, entry) not in files.folders
    ]
    transform = Transform(
        source,
        namespace=further.namespace or text_or_none(value.get("namespace")),
        default_namespace=further.default_namespace,
        prefix=further.prefix + (text_or_none(value.get("namePrefix")) or ""),
        suffix=(text_or_none(value.get("nameSuffix")) or "") + further.suffix,
        labels=(*read_labels(value), *further.labels),
        patches=tuple(_patches(files, folder, value, source, patch_files, at)),
        late_patches=(*_operations(files, folder, value, source, patch_files, at), *further.patches),
    )
    copied = of_sources(str(source), value, text_at)
    followed, left = _replacements(files, folder, value, source, resources, transform)
    if followed:
        value = {**value, "replacements": left}
    unfollowed = (*further.unfollowed, *unread, *of_kustomization(value, str(source), text_at), *copied)
    transform = replace(transform, unfollowed=unfollowed, replacements=followed)
    charts = [*items(value.get("helmCharts")), *items(value.get("helmChartInflationGenerator"))]
    return Kustomization(
        folder,
        source,
        value.get("kind") == "Component",
        tuple(resources),
        tuple(components),
        tuple(remote),
        transform,
        tuple(patch_files),
        tuple(charts),
        tuple(name for name in _UNREAD if value.get(name) and not (name == "transformers" and further.followed)),
        tuple(_hiding(files, folder, value, transformers_followed=further.followed)),
        value,
        further.namespace is not None,
        tuple(_generating(files, folder, value, transformers_followed=further.followed)),
    )


def _here(files: TreeFiles, folder: str, value: Mapping[str, Any], *names: str) -> list[str]:
    """The entries of lists that are paths of the repository, from its root."""
    entries = (entry for name in names for entry in text_items(value.get(name)) if not is_remote(entry))
    return [files.resolved(joined(folder, entry)) for entry in entries]


def _replacements(
    files: TreeFiles,
    folder: str,
    value: Mapping[str, Any],
    source: Source,
    resources: Sequence[str],
    transform: Transform,
) -> tuple[tuple[Replacement, ...], list[Any]]:
    """The replacements of a kustomization that are followed, and those that are not."""
    listed = value.get("replacements")
    # Those of a component come after what others of its kustomization list, and transformers come after them all.
    if not listed or value.get("kind") == "Component" or value.get("transformers") or value.get("vars"):
        return (), listed if isinstance(listed, list) else []
    text_at = partial(_text_at, files, folder)
    unfollowed = tuple(of_kustomization({**value, "replacements": []}, str(source), text_at))
    found = source_at(
        value,
        replace(transform, unfollowed=unfollowed),
        lambda: objects_of(files, folder, value, resources, partial(below, files)),
    )
    return read_replacements(listed, source, text_at, found)


def replacement_texts(files: TreeFiles, folder: str) -> Callable[[str], str | None]:
    """The texts of the files that replacements of a folder's kustomization name."""
    return partial(_text_at, files, folder)


def below(files: TreeFiles, folder: str) -> tuple[Mapping[str, Any], Sequence[str], Transform] | None:
    """What the kustomization of a folder lists, and does to it; None where it has none, or does more."""
    for name in KUSTOMIZATION_NAMES:
        inner = joined(folder, name)
        if inner in files.names:
            value, source, index = _document(files, inner, files.names[inner])
            if value is None or any(
                value.get(field_name) for field_name in ("components", "transformers", "vars", "replacements")
            ):
                return None
            made = _kustomization(files, folder, value, source, TextAt(files.names[inner], index))
            return None if made.is_component or made.remote else (value, made.resources, made.transform)
    return None


def _transformer_parts(files: TreeFiles, folder: str, entry: str) -> list[Part] | None:
    """The texts of a file of transformers, or of those that a folder's kustomization lists; None where one is unread.

    A kustomization that does more than list files is not followed.
    """
    inner = joined(folder, entry)
    if inner in files.names:
        data = files.bytes_of(inner)
        return None if data is None else [(data.decode("utf-8", "replace"), TextAt(files.names[inner], 0))]
    for name in KUSTOMIZATION_NAMES:
        path = joined(inner, name)
        value = _document(files, path, files.names[path])[0] if path in files.names else None
        if value is not None:
            if not {"apiVersion", "kind", "resources"}.issuperset(value):
                return None
            listed = [joined(inner, text) for text in text_items(value.get("resources"))]
            parts = [(files.bytes_of(part), files.names.get(part)) for part in listed]
            read = [(data.decode("utf-8", "replace"), TextAt(name, 0)) for data, name in parts if data and name]
            return read if len(read) == len(parts) else None
    return None


def _hiding(files: TreeFiles, folder: str, value: Mapping[str, Any], *, transformers_followed: bool) -> Iterator[str]:
    """What in a kustomization may make objects, or labels, that are not read: in words."""
    for name in ("generators", "transformers"):
        if value.get(name) and not (name == "transformers" and transformers_followed):
            entries = [entry for entry in text_items(value.get(name)) if "\n" not in entry]
            yield f"what `{name}` make" + (f" ({', '.join(entries)})" if entries else "")
    if any(_may_relabel(target) for item in items(value.get("replacements")) for target in _targets(item)):
        yield HIDING_LABELS
    for name in ("resources", "bases", "components"):
        for entry in text_items(value.get(name)):
            inner = joined(folder, entry)
            there = is_remote(entry) or inner in files.names or inner in files.folders
            if not there and not is_secret(entry):
                yield f"{entry}, which is not there"


def _generating(
    files: TreeFiles, folder: str, value: Mapping[str, Any], *, transformers_followed: bool
) -> Iterator[str]:
    """The generators and transformers that may make any object: those whose kinds the tree does not show."""
    for name in ("generators", "transformers"):
        if name == "transformers" and transformers_followed:
            continue
        for entry in text_items(value.get(name)):
            parts = [(entry, None)] if "\n" in entry else _transformer_parts(files, folder, entry)
            if not parts or not all(_makes_others(text) for text, _ in parts):
                yield f"a {name[:-1]} that is not read" if "\n" in entry else f"the {name[:-1]} {entry}"


def _makes_others(text: str) -> bool:
    """Whether the generators of a text make no policies, by their kinds; a chart, by its name."""
    try:
        values = [mapping(document.value) for document in yamltext.parse(text)]
    except yamltext.YamlTextError:
        return False
    kinds = [f"{value.get('apiVersion')}/{value.get('kind')}" for value in values if value]
    return bool(kinds) and all(
        _MAKES_OTHERS.fullmatch(kind) or (kind == _CHART and not may_hold_policies(text)) for kind in kinds
    )


def _targets(replacement: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The targets of one replacement; one of nothing known where they stand in a file of their own."""
    return items(replacement.get("targets")) or [{}]


def _may_relabel(target: Mapping[str, Any]) -> bool:
    paths = text_items(target.get("fieldPaths"))
    kind = mapping(target.get("select")).get("kind")
    if isinstance(kind, str) and kind.encode() in INERT_NAMES:
        return False
    return not paths or any("label" in path.lower() or path.endswith("namespace") for path in paths)


def is_remote(entry: str) -> bool:
    """Whether an entry is a URL or a git address (kustomize api/internal/git.NewRepoSpecFromURL, in short)."""
    return "://" in entry or entry.startswith(("github.com/", "git@", "git::")) or "?ref=" in entry


def read_labels(value: Mapping[str, Any]) -> Iterator[Labels]:
    """What a kustomization adds: `labels` first, then `commonLabels`, then annotations, as kustomize does."""
    for item in items(value.get("labels")):
        pairs = texts(item.get("pairs"))
        if pairs:
            with_selectors, with_templates = item.get("includeSelectors") is True, item.get("includeTemplates") is True
            yield Labels(pairs, with_selectors, with_templates, field_specs(item, "fields"))
    common = texts(value.get("commonLabels"))
    if common:
        yield Labels(common, selectors=True, templates=True)
    notes = texts(value.get("commonAnnotations"))
    if notes:  # Patches further out select by them.
        yield Labels(notes, fields=(FieldSpec(("metadata", "annotations"), create=True),), alone=True)


def read_patches(value: Mapping[str, Any], source: Source, at: TextAt | None = None) -> Iterator[Patch]:
    """The patches of a `patches` field of Flux Kustomizations and Argo CD; one that names a file is unread.

    `at` is where the mapping with that field stands, None where it stands in no text as it is.
    """
    listed = value.get("patches")
    for index, item in enumerate(listed if isinstance(listed, list) else ()):
        if isinstance(item, dict) and isinstance(item.get("patch"), str):
            place = at and replace(at, route=f"{at.route}/patches/{index}/patch")
            yield from parse_patch(item["patch"], mapping(item.get("target")), source, at=place)
        elif isinstance(item, dict) and item.get("path") is not None:
            yield Patch(source, mapping(item.get("target")), unread=True)


def _patches(
    files: TreeFiles, folder: str, value: Mapping[str, Any], source: Source, patch_files: list[str], at: TextAt
) -> Iterator[Patch]:
    strategic = value.get("patchesStrategicMerge")
    for index, entry in enumerate(strategic if isinstance(strategic, list) else ()):
        if isinstance(entry, str) and "\n" in entry:
            yield from parse_patch(entry, {}, source, at=replace(at, route=f"/patchesStrategicMerge/{index}"))
        elif isinstance(entry, str):
            yield from _file(files, folder, entry, {}, source, patch_files)
    yield from _listed(files, folder, value, "patches", source, patch_files, at)


def _listed(
    files: TreeFiles,
    folder: str,
    value: Mapping[str, Any],
    name: str,
    source: Source,
    patch_files: list[str],
    at: TextAt,
) -> Iterator[Patch]:
    """The patches of a field that lists them, each with its target."""
    listed = value.get(name)
    for index, item in enumerate(listed if isinstance(listed, list) else ()):
        target = mapping(mapping(item).get("target"))
        if not isinstance(item, dict):
            continue
        if isinstance(item.get("patch"), str):
            yield from parse_patch(item["patch"], target, source, at=replace(at, route=f"/{name}/{index}/patch"))
        elif isinstance(item.get("path"), str):
            yield from _file(files, folder, item["path"], target, source, patch_files)


def _operations(
    files: TreeFiles, folder: str, value: Mapping[str, Any], source: Source, patch_files: list[str], at: TextAt
) -> Iterator[Patch]:
    yield from _listed(files, folder, value, "patchesJson6902", source, patch_files, at)


def _file(
    files: TreeFiles, folder: str, entry: str, target: Mapping[str, Any], source: Source, patch_files: list[str]
) -> Iterator[Patch]:
    inner = joined(folder, entry)
    patch_files.append(inner)
    data = files.bytes_of(inner)
    if data is None:
        yield Patch(source, target, unread=True)
    else:
        path = files.names[inner]
        yield from parse_patch(data.decode("utf-8", "replace"), target, Source(path, 1), at=TextAt(path, 0))


def _text_at(files: TreeFiles, folder: str, entry: str) -> str | None:
    data = files.bytes_of(joined(folder, entry))
    return None if data is None else data.decode("utf-8", "replace")
