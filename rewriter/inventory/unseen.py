"""What makes pods that nobody reads here: Helm releases, remote bases, broken files, operators beyond known labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rewriter.inventory import argo
from rewriter.inventory.completeness import LIFT, Hidden
from rewriter.inventory.kubernetes import namespace_of
from rewriter.inventory.manifests import Manifest, mapping
from rewriter.inventory.operators import OPERATOR_KINDS, convention_of
from rewriter.inventory.placements import Placements
from rewriter.inventory.releases.model import Made
from rewriter.inventory.tree_files import TreeFiles

_KINDS = frozenset(kind.encode() for kind in OPERATOR_KINDS)


def unseen_workloads(files: TreeFiles, placements: Placements, releases: Sequence[Made]) -> Iterator[Hidden]:
    """Each maker of pods whose labels are not all known. `releases` are those of Helm, with what they make."""
    for made in releases:
        if not made.complete:
            yield _release(made)
    for file in files.of_kinds(_KINDS):
        inner = files.inner(file.path)
        for manifest in files.manifests(file.path, file.data):
            if convention_of(manifest.value) is not None:
                for placement in placements.of(inner) or (None,):
                    value = placement.apply(manifest.value) if placement else manifest.value
                    yield _hidden(*_made(Manifest(manifest.source, value)))
    for application in placements.applications:
        spec = mapping(application.value.get("spec"))
        if any(source.get("plugin") for source in argo.sources_of(spec)):
            namespace = mapping(spec.get("destination")).get("namespace")
            name = mapping(application.value.get("metadata")).get("name")
            yield _hidden(_text(namespace), f"Application {name}, {application.source}")
    for each in placements.kustomizations.values():
        for url in each.remote:
            yield _hidden(_text(each.transform.namespace), f"remote {url}, {each.source}")
    for source in files.unreadable:
        if placements.of(files.inner(source.path)):
            yield _hidden(None, f"a file that is applied and cannot be read, {source}")


def _release(made: Made) -> Hidden:
    """A release of which not everything is known; what renders it makes it known."""
    namespace = made.release.namespace
    lift = "put helm on PATH and give --render-fetch, which renders it" if "not rendered" in made.reason else LIFT
    release = made.release
    reason = f" ({made.reason})" if made.reason else ""
    words = f"{release.kind} {release.name}{reason}, {release.source}"
    return Hidden(words, lift, namespaces=None if namespace is None else frozenset({namespace}))


def _hidden(namespace: str | None, words: str) -> Hidden:
    return Hidden(words, namespaces=None if namespace is None else frozenset({namespace}))


def _made(manifest: Manifest) -> tuple[str | None, str]:
    namespace = _text(mapping(manifest.value.get("spec")).get("targetNamespace")) or namespace_of(manifest)
    return namespace, f"{manifest.kind} {manifest.name}, {manifest.source}"


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value and "$" not in value and "{{" not in value else None
