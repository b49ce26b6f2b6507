"""Argo CD: what Applications and ApplicationSets apply (argoproj.io/v1alpha1).

What `kustomize` of a source says is written into the kustomization.yaml that it applies, its patches behind those
there (`kustomize edit`; util/kustomize, Build), and then that is built. The namespace of the destination comes after.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from rewriter import patterns as re
from rewriter import yamltext
from rewriter.inventory.delivery.appliers import Read, Repository, Unit, texts_of
from rewriter.inventory.delivery.generators import PLACEHOLDER, elements_of, fill_placeholders, generates_for_clusters
from rewriter.inventory.delivery.kustomize import read_patches
from rewriter.inventory.delivery.patches import TextAt
from rewriter.inventory.delivery.transform import Labels, Transform
from rewriter.inventory.delivery.unfollowed import Unfollowed
from rewriter.inventory.facts.model import Source
from rewriter.inventory.files.tree_files import TreeFiles
from rewriter.inventory.texts.manifests import items, mapping, text_or_none, texts
from rewriter.records import dataclass

GROUP = "argoproj.io"
KINDS = ("Application", "ApplicationSet")
IN_CLUSTER = ("https://kubernetes.default.svc", "in-cluster", "")
#: The fields of an Application that say what it applies.
SOURCES = ("source", "sources", "sourceHydrator")
#: More Applications than any real set makes.
MAX_ELEMENTS = 5000

_SOURCES = re.compile(r"\b(?:sources?|destination|kustomize|helm|plugin|directory|path|chart|repoURL)\b")
_OPEN = re.compile(rf"{PLACEHOLDER.pattern}|\$\{{[^{{}}]*\}}")
_PARAMETER = re.compile(r"\{\{-?\s*\.?[\w.-]+\s*-?\}\}")


def sources_of(spec: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The sources of an Application: `sources`, or the only one, which may be that of its hydrator."""
    only = mapping(spec.get("source")) or mapping(mapping(spec.get("sourceHydrator")).get("drySource"))
    return items(spec.get("sources")) or [only]


def destination_of(application: Mapping[str, Any]) -> str | None:
    """The cluster that an Application deploys to, as Argo CD knows it; None for the one that it runs in."""
    destination = mapping(mapping(application.get("spec")).get("destination"))
    name = str(destination.get("name") or destination.get("server") or "")
    return None if name in IN_CLUSTER else name


def template_patch(value: Mapping[str, Any], source: Source) -> tuple[Unfollowed, ...]:
    """What the `templatePatch` of an ApplicationSet may do to manifests: nothing, or anything."""
    name = mapping(value.get("metadata")).get("name")
    words = f"the templatePatch of ApplicationSet {name}, {source},"
    spec = mapping(value.get("spec"))
    return (Unfollowed(words),) if _changes_sources(spec) and not _is_literal(spec) else ()


def _is_here(application: Mapping[str, Any], files: TreeFiles) -> bool:
    """Whether the tree holds every folder that an Application names."""
    paths = [
        source["path"] for source in sources_of(mapping(application.get("spec"))) if isinstance(source.get("path"), str)
    ]
    return all(posixpath.normpath(path.lstrip("/") or ".") in files.folders for path in paths)


def _patch_of(spec: Mapping[str, Any], element: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a `templatePatch` lays over the Application of an element; nothing where it is no literal text."""
    if not _is_literal(spec):
        return {}
    text = fill_placeholders(str(spec["templatePatch"]), element)
    try:
        documents = yamltext.parse(text)
    except yamltext.YamlTextError:
        return {}
    return mapping(documents[0].value) if documents else {}


def _is_literal(spec: Mapping[str, Any]) -> bool:
    """Whether a `templatePatch` has no placeholders but plain parameters."""
    patch = spec.get("templatePatch")
    if not isinstance(patch, str):
        return False
    left = _PARAMETER.sub("x", patch)
    try:
        documents = yamltext.parse(left)
    except yamltext.YamlTextError:
        return False
    return "{{" not in left and len(documents) == 1 and isinstance(documents[0].value, dict)


def _changes_sources(spec: Mapping[str, Any]) -> bool:
    """Whether a `templatePatch` may change what an Application applies, or to where."""
    patch = spec.get("templatePatch")
    return patch is not None and _SOURCES.search(str(patch)) is not None


def read_application(
    value: Mapping[str, Any], source: Source, unfollowed: tuple[Unfollowed, ...] = (), at: TextAt | None = None
) -> Read:
    """What an Application applies. `unfollowed` is what else may change it.

    `at` is where it stands, None where its sources are not what stands there.
    """
    spec = mapping(value.get("spec"))
    destination = mapping(spec.get("destination"))
    name = destination_of(value)
    if name is not None and ("{{" in name or "${" in name):
        return Read(unknown=(f"has the destination {name}, which is not known",))
    units = []
    unknown = []
    several = bool(items(spec.get("sources")))
    for index, git_source in enumerate(sources_of(spec)):
        path = git_source.get("path")
        if not isinstance(path, str):
            continue  # A chart, or only a reference for values.
        if git_source.get("plugin") is not None:
            unknown.append(f"a plugin makes the manifests of {path}")
            continue
        kustomize, directory = mapping(git_source.get("kustomize")), mapping(git_source.get("directory"))
        own = "/spec/source" if mapping(spec.get("source")) else "/spec/sourceHydrator/drySource"
        written = f"/spec/sources/{index}/kustomize" if several else f"{own}/kustomize"
        inserted = Transform(
            source,
            namespace=text_or_none(kustomize.get("namespace")),
            prefix=text_or_none(kustomize.get("namePrefix")) or "",
            suffix=text_or_none(kustomize.get("nameSuffix")) or "",
            labels=_labels(kustomize),
            patches=tuple(read_patches(kustomize, source, at and replace(at, route=at.route + written))),
        )
        transform = Transform(
            source,
            default_namespace=text_or_none(destination.get("namespace")),
            unfollowed=unfollowed,
            applies=True,
            inserted=inserted.or_none,
        )
        url = git_source.get("repoURL")
        repository = Repository(url if isinstance(url, str) else None, str(url))
        recurse = directory.get("recurse") is True
        units.append(Unit(path, repository, transform, recurse, texts_of(kustomize.get("components")), name))
    return Read(tuple(units), tuple(unknown), (value,))


def _labels(kustomize: Mapping[str, Any]) -> tuple[Labels, ...]:
    pairs = texts(kustomize.get("commonLabels"))
    if not pairs:
        return ()
    everywhere = kustomize.get("labelWithoutSelector") is not True
    return (Labels(pairs, everywhere, everywhere or kustomize.get("labelIncludeTemplates") is True),)


@dataclass(frozen=True, slots=True)
class SetOfApplications:
    """The Applications that a set makes, those of which a value is not known, and in words what is not followed."""

    made: tuple[Mapping[str, Any], ...]
    unfilled: tuple[Mapping[str, Any], ...]
    unknown: tuple[str, ...]


def read_application_set(value: Mapping[str, Any], files: TreeFiles) -> SetOfApplications:
    """What a set makes.

    A git generator is read from the tree at hand; whoever applies the result checks that it is its repository. A
    `templatePatch` of literal text is laid over each Application. See `generators` for what is followed.
    """
    spec = mapping(value.get("spec"))
    template = mapping(spec.get("template"))
    made: list[Mapping[str, Any]] = []
    unfilled: list[Mapping[str, Any]] = []
    unknown: list[str] = []
    if _changes_sources(spec) and not _is_literal(spec):
        unknown.append("its templatePatch is not read")
    for generator in items(spec.get("generators")):
        elements = elements_of(generator, files, template)
        own_template = mapping(mapping(next(iter(generator.values()), {})).get("template"))
        open_ended = generates_for_clusters(generator)
        if open_ended:
            unknown.append("what it makes for clusters that are not registered in the tree")
            unfilled.append(_over(template, own_template))
        if elements is None:
            unknown.append(f"what its {' and '.join(generator) or 'empty'} generator makes")
            unfilled.append(_over(template, own_template))
            continue
        if not elements and "git" in generator:
            unknown.append("what its git generator finds in a repository that is not at hand")
        for element in elements[:MAX_ELEMENTS]:
            filled = fill_placeholders(_over(template, own_template), element)
            filled = _over(filled, _patch_of(spec, element))
            if open_ended and not _is_here(filled, files):
                continue  # A cluster that Argo CD knows need not be one that this set is for.
            if _unfilled(filled):
                unknown.append("an Application whose template needs more values than its generator gives")
                unfilled.append(filled)
            else:
                made.append({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", **filled})
    return SetOfApplications(tuple(made), tuple(unfilled), tuple(dict.fromkeys(unknown)))


def steps_of(application: Mapping[str, Any], source: Source) -> Iterator[tuple[Mapping[str, Any], Transform]]:
    """Each source of an Application with a path, and what the Application does to its manifests."""
    for git_source in sources_of(mapping(application.get("spec"))):
        if isinstance(git_source.get("path"), str):
            plugin = Unfollowed(f"a plugin of an Application of {source}")
            patches = tuple(read_patches(mapping(git_source.get("kustomize")), source))
            yield (
                git_source,
                Transform(source, patches=patches, unfollowed=(plugin,) if git_source.get("plugin") else ()),
            )


def may_apply(source: Mapping[str, Any], inner: str) -> bool:
    """Whether a source whose path has placeholders may be a folder that holds a file, or is a file's folder."""
    path = posixpath.normpath(str(source.get("path")).lstrip("/") or ".")
    pattern = ".*".join(re.escape(part) for part in _OPEN.sub("\0", path).split("\0"))
    return path == "." or re.match(f"(?:{pattern})(?:/|$)", inner) is not None


def _unfilled(application: Mapping[str, Any]) -> bool:
    spec = mapping(application.get("spec"))
    parts = [spec.get("destination"), spec.get("source"), spec.get("sources")]
    return any(_has_markup(part) for part in parts)


def _has_markup(value: Any) -> bool:
    if isinstance(value, str):
        return "{{" in value
    if isinstance(value, dict):
        return any(not isinstance(key, str) or _has_markup(key) or _has_markup(value[key]) for key in value)
    return isinstance(value, list) and any(map(_has_markup, value))


def _over(base: Mapping[str, Any], over: Mapping[str, Any]) -> Mapping[str, Any]:
    result = dict(base)
    for key, item in over.items():
        old = result.get(key)
        result[key] = _over(old, item) if isinstance(old, dict) and isinstance(item, dict) else item
    return result
