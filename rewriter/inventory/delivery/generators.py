"""The generators of Argo CD's ApplicationSets (argo-cd docs, "Generators"): the parameters that they fill in.

Followed are `list`, `git` with folders and files of the tree at hand, `clusters` as far as the tree holds the Secrets
that register them, a `matrix` of two of these, and a `merge` of several; each also with a `selector` of labels. The
cluster that Argo CD runs in has no Secret, and is one of `clusters` unless they are selected by labels.
"""

from __future__ import annotations

import fnmatch
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rewriter import patterns as re
from rewriter import yamltext
from rewriter.inventory.files.offered import OfferedFile
from rewriter.inventory.files.tree_files import TreeFiles
from rewriter.inventory.texts.manifests import items, mapping, text_items, texts

PLACEHOLDER = re.compile(r"\{\{-?([^{}]*)\}\}")
_CLUSTER = "argocd.argoproj.io/secret-type"
_LOCAL = {"name": "in-cluster", "nameNormalized": "in-cluster", "server": "https://kubernetes.default.svc"}
_MOST = 5000


def elements_of(
    generator: Mapping[str, Any], files: TreeFiles, template: Mapping[str, Any]
) -> list[dict[str, Any]] | None:
    """The parameters of each Application that a generator makes; None where it is not followed."""
    found = _elements(generator, files, template)
    selector = mapping(generator.get("selector"))
    if found is None or not selector:
        return found
    if set(selector) != {"matchLabels"}:
        return None
    wanted = texts(selector["matchLabels"])
    return [element for element in found if all(element.get(key) == value for key, value in wanted.items())]


def generates_for_clusters(generator: Mapping[str, Any]) -> bool:
    """Whether a generator makes one for each cluster that Argo CD knows, of which the tree holds some."""
    nested = (mapping(generator.get(name)).get("generators") for name in ("matrix", "merge"))
    return "clusters" in generator or any(generates_for_clusters(item) for inner in nested for item in items(inner))


def _elements(
    generator: Mapping[str, Any], files: TreeFiles, template: Mapping[str, Any]
) -> list[dict[str, Any]] | None:
    if len([key for key in generator if key != "selector"]) != 1:
        return None
    if "matrix" in generator:
        return _matrix(mapping(generator["matrix"]), files, template)
    if "merge" in generator:
        return _merge(mapping(generator["merge"]), files, template)
    if "clusters" in generator:
        return list(_clusters(mapping(generator["clusters"]), files))
    if "list" in generator:
        body = mapping(generator["list"])
        return None if body.get("elementsYaml") else [_flat(item) for item in items(body.get("elements"))]
    git = mapping(generator.get("git"))
    url = git.get("repoURL")
    spec = mapping(template.get("spec"))
    sources = items(spec.get("sources")) or [mapping(spec.get("source"))]
    applied = [source.get("repoURL") for source in sources if source.get("path")]
    if not git or not isinstance(url, str) or any(other != url for other in applied):
        return None
    if git.get("pathParamPrefix"):
        return None
    if git.get("directories"):
        return [_with_values(_path(folder), git) for folder in _folders(items(git["directories"]), files)]
    found = []
    for inner in sorted(files.names):
        if any(matches_glob(str(item.get("path", "")), inner) for item in items(git.get("files"))):
            for element in _contents(files, inner):
                known = {**_flat(element), **_path(posixpath.dirname(inner))}
                found.append(_with_values({**known, "path.filename": posixpath.basename(inner)}, git))
    return found


def _matrix(matrix: Mapping[str, Any], files: TreeFiles, template: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """Each pair of the elements of two generators; the second may use the parameters of the first."""
    both = items(matrix.get("generators"))
    first = elements_of(both[0], files, template) if len(both) == 2 else None
    found: list[dict[str, Any]] = []
    for element in first or ():
        second = elements_of(fill_placeholders(both[1], element), files, template)
        if second is None or len(found) > _MOST:
            return None
        found += [{**element, **other} for other in second]
    return None if first is None else found


def _merge(merge: Mapping[str, Any], files: TreeFiles, template: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """The elements of the first generator, each with those of the others that agree with it in every merge key."""
    keys = text_items(merge.get("mergeKeys"))
    parts = [elements_of(item, files, template) for item in items(merge.get("generators"))]
    if not keys or len(parts) < 2 or len(parts) * len(keys) > _MOST:
        return None
    found: list[dict[str, Any]] | None = None
    for part in parts:
        if part is None or len(part) > _MOST:
            return None
        if any(not isinstance(element.get(key), str | int | None) for element in part for key in keys):
            return None
        named = {tuple(element.get(key) for key in keys): element for element in part}
        # Two elements of one key are an error to Argo CD; what it makes of one without a key is not followed.
        if len(named) != len(part) or any(None in key for key in named):
            return None
        if found is None:
            found = part
        else:
            found = [{**element, **named.get(tuple(element.get(key) for key in keys), {})} for element in found]
    return found


def _clusters(clusters: Mapping[str, Any], files: TreeFiles) -> Iterator[dict[str, Any]]:
    """The clusters of a selector that Secrets of the tree register, and the one that Argo CD runs in."""
    wanted = texts(mapping(clusters.get("selector")).get("matchLabels"))
    if not mapping(clusters.get("selector")):
        yield _with_values(dict(_LOCAL), clusters)
    if set(mapping(clusters.get("selector"))) - {"matchLabels"}:
        return
    for path in files.variable_files:
        data = files.bytes_of(files.inner(path))
        if data is None or _CLUSTER.encode() not in data:
            continue
        for manifest in files.manifests(OfferedFile(path, frozenset(), data)):
            metadata = manifest.metadata
            labels = texts(metadata.get("labels"))
            written = texts(manifest.value.get("stringData"))
            if manifest.kind == "Secret" and labels.get(_CLUSTER) == "cluster" and wanted.items() <= labels.items():
                name, server = written.get("name", manifest.name), written.get("server")
                if server:
                    found: dict[str, Any] = {"name": name, "nameNormalized": _normalized(name), "server": server}
                    for field in ("labels", "annotations"):
                        for key, value in texts(metadata.get(field)).items():
                            found[f"metadata.{field}.{key}"] = value
                            found[f'index .metadata.{field} "{key}"'] = value
                    yield _with_values(found, clusters)


def _with_values(element: dict[str, Any], generator: Mapping[str, Any]) -> dict[str, Any]:
    """An element with the generator's own `values`, which may use its parameters."""
    own = {key: fill_placeholders(item, element) for key, item in texts(generator.get("values")).items()}
    return {**element, **{f"values.{key}": item for key, item in own.items()}}


def _normalized(name: str) -> str:
    return re.sub(r"[^a-z0-9.-]", "-", name.lower())


def _folders(entries: Sequence[Mapping[str, Any]], files: TreeFiles) -> list[str]:
    def listed(folder: str, exclude: bool) -> bool:
        return any(
            matches_glob(str(entry.get("path", "")), folder)
            for entry in entries
            if (entry.get("exclude") is True) == exclude
        )

    return sorted(folder for folder in files.folders if listed(folder, False) and not listed(folder, True))


def matches_glob(pattern: str, path: str) -> bool:
    """Argo CD's globs: `*` within a segment, `**` across segments."""
    parts = path.split("/")
    reached = {0}
    for wanted in pattern.strip("/").split("/"):
        if wanted == "**":
            reached = set(range(min(reached, default=len(parts) + 1), len(parts) + 1))
        else:
            reached = {n + 1 for n in reached if n < len(parts) and fnmatch.fnmatchcase(parts[n], wanted)}
    return len(parts) in reached


def _contents(files: TreeFiles, inner: str) -> Iterator[Mapping[str, Any]]:
    try:
        documents = yamltext.parse(yamltext.decode(files.bytes_of(inner) or b""))
    except yamltext.YamlTextError:
        return
    for document in documents:
        if isinstance(document.value, dict):
            yield document.value
        yield from items(document.value)


def _path(folder: str) -> dict[str, Any]:
    basename = posixpath.basename(folder)
    normalized = _normalized(basename)
    parts = {f"path[{n}]": part for n, part in enumerate(folder.split("/"))}
    parts |= {f"index .path.segments {n}": part for n, part in enumerate(folder.split("/"))}
    return {
        "path": folder,
        "path.path": folder,
        "path.basename": basename,
        "path.basenameNormalized": normalized,
        **parts,
    }


def _flat(value: Mapping[str, Any], prefix: str = "", depth: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, item in value.items():
        if isinstance(item, dict) and depth < 10:
            found |= _flat(item, f"{prefix}{key}.", depth + 1)
        elif isinstance(item, str | int):
            found[prefix + str(key)] = str(item).lower() if isinstance(item, bool) else str(item)
    return found


def fill_placeholders(value: Any, element: Mapping[str, Any]) -> Any:
    if isinstance(value, str):
        return PLACEHOLDER.sub(lambda match: str(element.get(_key(_expression(match), element), match[0])), value)
    if isinstance(value, dict):
        return {key: fill_placeholders(item, element) for key, item in value.items()}
    if isinstance(value, list):
        return [fill_placeholders(item, element) for item in value]
    return value


def _expression(placeholder: re.Match[str]) -> str:
    return placeholder[1].strip().removesuffix("-").rstrip()


def _key(expression: str, element: Mapping[str, Any]) -> str:
    return expression if expression in element else expression.removeprefix(".")
