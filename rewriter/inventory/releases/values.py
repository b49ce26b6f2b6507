"""The values of a release: its own, and those that files and ConfigMaps of the tree hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rewriter import yamltext
from rewriter.inventory.cilium.cilium_values import merged_values
from rewriter.inventory.delivery.generated_texts import generated_texts, has_unread_env_file
from rewriter.inventory.delivery.kustomize_walk import Placement
from rewriter.inventory.delivery.placements import Placements
from rewriter.inventory.files.offered import OfferedFile
from rewriter.inventory.files.tree_files import TreeFiles
from rewriter.inventory.releases.set_values import set_value, typed
from rewriter.inventory.texts.manifests import items, mapping


class ValuesFiles:
    """Reads values from the files of the tree."""

    def __init__(self, files: TreeFiles, placements: Placements) -> None:
        self._files = files
        self._placements = placements
        self._parsed: dict[str, Mapping[str, Any] | None] = {}
        #: The files read so far, by their paths from the root.
        self.used: set[str] = set()

    def file(self, inner: str) -> Mapping[str, Any] | None:
        """The values of a file by its path from the root; None where it is not there or is no plain YAML."""
        self.used.add(inner)
        if inner not in self._parsed:
            data = self._files.bytes_of(inner)
            self._parsed[inner] = None if data is None else values_of(data.decode("utf-8", "replace"))
        return self._parsed[inner]

    def referred(
        self, spec: Mapping[str, Any], namespace: str | None, target: str | None
    ) -> tuple[list[Mapping[str, Any]], str]:
        """What `valuesFrom` of a HelmRelease gives, in its order, and what of it could not be read, in words.

        `target` is where the release is applied, None where nothing applies it.
        """
        parts: list[Mapping[str, Any]] = []
        unread = []
        for item in items(spec.get("valuesFrom")):
            values = self._reference(item, namespace, target)
            if values is not None:
                parts.append(values)
            elif item.get("optional") is not True:
                unread.append(f"{item.get('kind')} {item.get('name')}")
        return parts, ", ".join(unread)

    def _reference(
        self, reference: Mapping[str, Any], namespace: str | None, target: str | None
    ) -> Mapping[str, Any] | None:
        if reference.get("kind") != "ConfigMap":
            return None
        name, key = str(reference.get("name")), str(reference.get("valuesKey") or "values.yaml")
        path = reference.get("targetPath")
        generated = self._generated(name, key, target, one_line=bool(path))
        found = [*generated, *self._config_maps(name, key, namespace, target)]
        text = found[0] if len(set(found)) == 1 else None
        if text is None:
            return None
        return set_value({}, str(path), typed(text)) if path else values_of(text)

    def _generated(self, name: str, key: str, target: str | None, *, one_line: bool) -> Iterator[str | None]:
        """The texts that configMapGenerators put into a ConfigMap of a name; None for one that is not at hand.

        An env file holds texts of one line each, so that only such a text may stand there.
        """
        for kustomization in self._placements.kustomizations.values():
            for generator in items(kustomization.value.get("configMapGenerator")):
                if generator.get("name") != name:
                    continue
                if one_line and has_unread_env_file(self._files, kustomization.folder, generator):
                    yield None
                for made in generated_texts(self._files, kustomization.folder, generator):
                    if made.key == key:
                        self.used.update(() if made.inner is None else (made.inner,))
                        ways = self._placements.ways_of(kustomization.folder)
                        yield from _as_applied(made.text, ways, target)

    def _config_maps(self, name: str, key: str, namespace: str | None, target: str | None) -> Iterator[str | None]:
        for path in self._files.variable_files:
            inner = self._files.inner(path)
            data = self._files.bytes_of(inner)
            if data is None or name.encode() not in data:
                continue
            for manifest in self._files.manifests(OfferedFile(path, frozenset(), data)):
                own = manifest.metadata.get("namespace")
                if (manifest.kind, manifest.name) == ("ConfigMap", name) and own in (None, namespace):
                    text = mapping(manifest.value.get("data")).get(key)
                    if isinstance(text, str):
                        yield from _as_applied(text, self._placements.of(inner), target)


def _as_applied(text: str | None, ways: Sequence[Placement], target: str | None) -> Iterator[str | None]:
    """A text of a ConfigMap with the variables that each of the ways to a target fills in."""
    if text is None or not yamltext.has_substitution(text):
        yield text
        return
    written = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "values"}, "data": {"text": text}}
    there = [way for way in ways if way.target == target] or ways
    filled = {str(mapping(way.apply(written).get("data")).get("text")) for way in there}
    yield from filled or (text,)


def values_of(text: str) -> Mapping[str, Any] | None:
    """The values that a YAML text holds; None where it is no mapping."""
    try:
        documents = yamltext.parse(text)
    except yamltext.YamlTextError:
        return None
    if not documents:
        return {}
    value = documents[0].value
    return {} if value is None else value if isinstance(value, dict) else None


def over(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Values laid over each other as Helm does."""
    return merged_values(parts)


def with_set(values: Mapping[str, Any], settings: Iterable[tuple[str, Any]]) -> tuple[dict[str, Any], str]:
    """Values with those that `--set` lays over them one by one, and the paths that are not read, in words."""
    result, unread = dict(values), []
    for path, value in settings:
        laid = set_value(result, path, value)
        unread += [path] if laid is None else []
        result = result if laid is None else laid
    return result, ", ".join(unread)
