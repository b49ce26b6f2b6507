"""Where the variables of Flux Kustomizations come from (fluxcd/pkg/kustomize, SubstituteVariables)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from rewriter import yamltext
from rewriter.inventory.delivery.generated_texts import generated_map, has_unread_env_file
from rewriter.inventory.delivery.kustomize import Kustomization
from rewriter.inventory.delivery.kustomize_walk import Placement
from rewriter.inventory.delivery.patches import meant
from rewriter.inventory.files.offered import OfferedFile
from rewriter.inventory.files.tree_files import TreeFiles
from rewriter.inventory.texts.manifests import Manifest, items, mapping, texts

Values: TypeAlias = Mapping[str, str | None]
"""What a ConfigMap or a Secret has for each of its keys; None for what is not known, as all that a Secret holds."""
ValuesOf = Callable[[str, str, str], Values | None]
"""The values by kind, namespace and name; None where the tree does not have them."""


def read_variables(spec: Mapping[str, Any], namespace: str, values_of: ValuesOf) -> tuple[dict[str, str] | None, bool]:
    """The variables of a Kustomization's postBuild, None without one; and whether no others can be.

    A later source counts more than an earlier one, and what stands in the Kustomization itself most.
    """
    build = mapping(spec.get("postBuild"))
    if not build:
        return None, True
    found_values: dict[str, str] = {}
    complete = True
    for reference in items(build.get("substituteFrom")):
        values = values_of(str(reference.get("kind")), namespace, str(reference.get("name")))
        if values is None:
            found_values.clear()  # It may hold any of them.
            complete = False
            continue
        for key, value in values.items():
            if value is None:
                found_values.pop(key, None)
                complete = False
            else:
                found_values[key] = value
    for key, value in mapping(build.get("substitute")).items():
        if isinstance(value, str | bool | int):
            found_values[key] = (str(value).lower() if isinstance(value, bool) else str(value)).replace("\n", "")
    return found_values, complete


class VariableSources:
    """The ConfigMaps and Secrets of the tree that are asked for, as they are applied to each target."""

    def __init__(
        self,
        files: TreeFiles,
        left_out: Callable[[], frozenset[str]],
        kustomizations: Callable[[], Mapping[str, Kustomization]],
    ) -> None:
        """`left_out` are files without manifests of their own."""
        self._kustomizations = kustomizations
        self._files = files
        self._left_out = left_out
        self._asked: dict[tuple[str, str], list[tuple[str, Manifest]]] = {}
        self._placed: dict[tuple[str, str, str], dict[str, Values | None]] = {}

    def values_of(self, target: str, kind: str, namespace: str, name: str) -> Values | None:
        """What a Kustomization takes that is applied to a target; None before `settle`, and where it is unknown.

        What nothing in the tree applies has none: it may be an example, or be for another cluster.
        """
        if kind not in ("ConfigMap", "Secret"):
            return None
        if (kind, name) not in self._asked:
            self._asked[kind, name] = list(self._written(kind, name))
        return self._placed.get((kind, namespace, name), {}).get(target)

    def settle(self, found: Mapping[str, Sequence[Placement]], made: Mapping[str, Sequence[Placement]]) -> bool:
        """Takes the placements of files by inner path, and of what kustomizations generate by their folders.

        Whether they change what is known.
        """
        placed: dict[tuple[str, str, str], dict[str, Values | None]] = {}
        for (kind, name), manifests in self._asked.items():
            written = [
                (manifest.value, True, placement) for inner, manifest in manifests for placement in found.get(inner, ())
            ]
            generated = self._generated(name, made) if kind == "ConfigMap" else ()
            for value, is_whole, placement in (*written, *generated):
                applied = placement.apply(value)
                metadata = mapping(applied.get("metadata"))
                key = (kind, str(metadata.get("namespace") or ""), str(metadata.get("name")))
                values = _values(applied) if is_whole and _is_stated(value, placement) else None
                of_target = placed.setdefault(key, {})
                again = placement.target in of_target and of_target[placement.target] != values
                of_target[placement.target] = None if again else values
        changed = placed != self._placed
        self._placed = placed
        return changed

    def _generated(
        self, name: str, made: Mapping[str, Sequence[Placement]]
    ) -> Iterator[tuple[Mapping[str, Any], bool, Placement]]:
        """The ConfigMaps of a name that kustomizations generate, whether all their keys are known, and where they go.

        One with a hash in its name is not the one that is meant: Kustomize does not write it into the reference.
        """
        for folder, placements in made.items():
            kustomization = self._kustomizations()[folder].value
            for generator in items(kustomization.get("configMapGenerator")):
                options = {**mapping(kustomization.get("generatorOptions")), **mapping(generator.get("options"))}
                if generator.get("name") == name and options.get("disableNameSuffixHash") is True:
                    is_whole = not has_unread_env_file(self._files, folder, generator)
                    value = generated_map(self._files, folder, generator)
                    yield from ((value, is_whole, placement) for placement in placements)

    def _written(self, kind: str, name: str) -> Iterator[tuple[str, Manifest]]:
        """The manifests of a kind and name, with the inner paths of their files."""
        for path in self._files.variable_files:
            inner = self._files.inner(path)
            data = None if inner in self._left_out() else self._files.bytes_of(inner)
            if data is not None and name.encode() in data:
                for manifest in self._files.manifests(OfferedFile(path, frozenset(), data)):
                    if (manifest.kind, manifest.name) == (kind, name):
                        yield inner, manifest


def _is_stated(value: Mapping[str, Any], placement: Placement) -> bool:
    """Whether no patch that cannot be read changes a manifest on its way."""
    name = str(mapping(value.get("metadata")).get("name"))
    patches = (patch for step in placement.chain for patch in (*step.patches, *step.late_patches))
    return not any(patch.unread and meant(patch, value, name) for patch in patches)


def _values(value: Mapping[str, Any]) -> Values:
    if value.get("kind") == "Secret":
        return dict.fromkeys((*mapping(value.get("data")), *mapping(value.get("stringData"))))
    return {
        key: None if yamltext.has_substitution(text) else text.replace("\n", "")
        for key, text in texts(value.get("data")).items()
    }
