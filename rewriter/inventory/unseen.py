"""What makes pods that nobody reads here: Helm releases, remote bases, broken files, operators beyond known labels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rewriter.inventory import argo, flux
from rewriter.inventory.appliers import api_group
from rewriter.inventory.completeness import Hidden
from rewriter.inventory.facts import Source
from rewriter.inventory.kubernetes import namespace_of
from rewriter.inventory.manifests import Manifest, mapping
from rewriter.inventory.operators import OPERATOR_KINDS, convention_of
from rewriter.inventory.placements import Placements
from rewriter.inventory.tree_files import TreeFiles

_KINDS = frozenset(kind.encode() for kind in OPERATOR_KINDS) | {b"HelmRelease"}


def unseen_workloads(files: TreeFiles, placements: Placements, understood: frozenset[Source]) -> Iterator[Hidden]:
    """Each maker of pods whose labels are not all known.

    `understood` are the places of releases of which everything that they make is known.
    """
    for file in files.of_kinds(_KINDS):
        inner = files.inner(file.path)
        for manifest in files.manifests(file.path, file.data):
            release = manifest.kind == "HelmRelease" and api_group(manifest.value) == flux.HELM_GROUP
            if manifest.source in understood:
                continue
            if release or convention_of(manifest.value) is not None:
                for placement in placements.of(inner) or (None,):
                    value = placement.apply(manifest.value) if placement else manifest.value
                    yield _hidden(*_made(Manifest(manifest.source, value)))
    for application in placements.applications:
        if application.source in understood:
            continue
        spec = mapping(application.value.get("spec"))
        if any(source.get("chart") or source.get("helm") or source.get("plugin") for source in argo.sources_of(spec)):
            namespace = mapping(spec.get("destination")).get("namespace")
            name = mapping(application.value.get("metadata")).get("name")
            yield _hidden(_text(namespace), f"Application {name}, {application.source}")
    for each in placements.kustomizations.values():
        for chart in () if each.source in understood else each.charts:
            namespace = _text(each.transform.namespace) or _text(chart.get("namespace"))
            yield _hidden(namespace, f"Helm chart {chart.get('name')}, {each.source}")
        for url in each.remote:
            yield _hidden(_text(each.transform.namespace), f"remote {url}, {each.source}")
    for source in files.unreadable:
        if placements.of(files.inner(source.path)):
            yield _hidden(None, f"a file that is applied and cannot be read, {source}")


def _hidden(namespace: str | None, words: str) -> Hidden:
    return Hidden(words, namespaces=None if namespace is None else frozenset({namespace}))


def _made(manifest: Manifest) -> tuple[str | None, str]:
    namespace = _text(mapping(manifest.value.get("spec")).get("targetNamespace")) or namespace_of(manifest)
    return namespace, f"{manifest.kind} {manifest.name}, {manifest.source}"


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value and "$" not in value and "{{" not in value else None
