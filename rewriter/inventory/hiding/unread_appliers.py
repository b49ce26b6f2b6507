"""What a file that is not read may bring or change beside the objects in it: other files, and labels of pods."""

from __future__ import annotations

import posixpath
from collections.abc import Callable

from rewriter import patterns as re
from rewriter import yamltext
from rewriter.inventory.delivery.mutations import MUTATION_KINDS
from rewriter.inventory.delivery.placements import APPLIER_KINDS
from rewriter.inventory.files.tree_files import KUSTOMIZATION_NAMES
from rewriter.inventory.hiding.generating import GENERATING_KINDS

_KIND = re.compile(rb"""\bkind["']?[ \t]*:[ \t]*["']?([A-Za-z0-9]+)""")
_BRING = frozenset({b"HelmRelease", b"HelmChart", b"HelmChartConfig", *APPLIER_KINDS})
#: kustomize's own file, which Flux' objects share the kind with.
_OF_KUSTOMIZE = b"kustomize.config.k8s.io/"
_REMOTE = re.compile(r"://|^git@|\?ref=|^github\.com/")
#: Fields of a kustomization that bring nothing from elsewhere, and give no pod a label.
_HARMLESS = frozenset(
    {"apiVersion", "kind", "metadata", "resources", "bases", "images", "sortOptions", "configMapGenerator"}
    | {"secretGenerator", "generatorOptions", "configurations", "buildMetadata"}
)


def may_bring_others(path: str, text: bytes, is_there: Callable[[str], bool]) -> bool:
    """Whether a file may bring what does not stand in it, or change pods on their way; `is_there` knows inner paths."""
    name = posixpath.basename(path)
    if name in KUSTOMIZATION_NAMES:
        return not _only_lists(path, text, is_there)
    if name == "Chart.yaml" and b"dependencies" in text:
        return True
    kinds = set(_KIND.findall(text))
    if b"Kustomization" in kinds and _OF_KUSTOMIZE in text and text.count(b"Kustomization") == 1:
        kinds.discard(b"Kustomization")
    return not kinds.isdisjoint(_BRING | MUTATION_KINDS | GENERATING_KINDS)


def _only_lists(path: str, text: bytes, is_there: Callable[[str], bool]) -> bool:
    """Whether a kustomization lists files of the tree, and does nothing else to them."""
    try:
        (document,) = yamltext.parse(text.decode("utf-8", "replace"))
    except (yamltext.YamlTextError, ValueError):
        return False
    value = document.value
    if not isinstance(value, dict) or not _HARMLESS.issuperset(value):
        return False
    listed = [item for field in ("resources", "bases") for item in _listed(value.get(field))]
    return all(isinstance(item, str) and not _REMOTE.search(item) and is_there(_at(path, item)) for item in listed)


def _at(path: str, name: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), name))


def _listed(value: object) -> list[object]:
    """The items of a field; of one that is no list, itself, which is no name of a file."""
    return value if isinstance(value, list) else [] if value is None else [()]
