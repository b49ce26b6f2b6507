"""Flux: what Kustomizations and FluxInstances apply (kustomize-controller v1, flux-operator v1).

The namespace, the prefix, the suffix and the patches of a Kustomization are written into the kustomization.yaml that it
applies, its patches behind those there, and then that is built (fluxcd/pkg/kustomize, Generator.WriteFile).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from rewriter.inventory.delivery.appliers import Read, Repository, Unit, texts_of
from rewriter.inventory.delivery.kustomize import read_patches
from rewriter.inventory.delivery.patches import Patch, TextAt
from rewriter.inventory.delivery.transform import Labels, Transform
from rewriter.inventory.delivery.variables import ValuesOf, read_variables
from rewriter.inventory.facts.model import Source
from rewriter.inventory.texts.manifests import items, mapping, text_or_none, texts

GROUP = "kustomize.toolkit.fluxcd.io"
HELM_GROUP = "helm.toolkit.fluxcd.io"
SOURCE_GROUP = "source.toolkit.fluxcd.io"
#: What a repository is applied from: itself, or the artifact that its own pipeline pushes, known by its folders.
_OWN_KINDS = ("GitRepository", "OCIRepository")
OPERATOR_GROUP = "fluxcd.controlplane.io"

#: The URL of a source by kind, namespace and name; None where the tree does not hold it.
UrlOf = Callable[[str, str, str], str | None]


def read_flux_kustomization(
    value: Mapping[str, Any], source: Source, url_of: UrlOf, values_of: ValuesOf, at: TextAt | None = None
) -> Read:
    """What a Flux Kustomization applies. The value is as applied itself: patched and substituted.

    `at` is where it stands, None where its patches are not what stands there.
    """
    metadata, spec = mapping(value.get("metadata")), mapping(value.get("spec"))
    reference = mapping(spec.get("sourceRef"))
    kind, name = str(reference.get("kind")), str(reference.get("name"))
    if kind not in _OWN_KINDS:
        words = f"has the source {kind} {name}, not a Git repository" if reference else "names no source"
        return Read(unknown=(words,))
    namespace = str(reference.get("namespace") or metadata.get("namespace") or "")
    path = spec.get("path", "")
    if not isinstance(path, str):
        return Read(unknown=("has a path that is not text",))
    destination = remote_of(spec)
    variables, complete = read_variables(spec, str(metadata.get("namespace") or ""), values_of)
    strategic, operations = _older_patches(spec, source)
    inserted = Transform(
        source,
        namespace=text_or_none(spec.get("targetNamespace")),
        prefix=text_or_none(spec.get("namePrefix")) or "",
        suffix=text_or_none(spec.get("nameSuffix")) or "",
        patches=(*strategic, *read_patches(spec, source, at and replace(at, route=f"{at.route}/spec"))),
        late_patches=operations,
    )
    transform = Transform(
        source,
        labels=_common(spec),
        variables=variables,
        complete=complete,
        applies=True,
        inserted=inserted.or_none,
    )
    url = url_of(kind, namespace, name) if kind == "GitRepository" else None
    repository = Repository(url, f"{namespace}/{name}")
    unit = Unit(path, repository, transform, components=texts_of(spec.get("components")), destination=destination)
    return Read((unit,))


def read_flux_instance(spec: Mapping[str, Any], source: Source) -> Read:
    """What a FluxInstance (or the values of its chart) syncs."""
    sync = mapping(spec.get("sync"))
    if not sync:
        return Read()
    kind = sync.get("kind", "GitRepository")
    if kind not in _OWN_KINDS:
        return Read(unknown=(f"syncs from {kind}, not from a Git repository",))
    path = sync.get("path", "")
    if not isinstance(path, str):
        return Read(unknown=("has a path that is not text",))
    url = text_or_none(sync.get("url")) if kind == "GitRepository" else None
    repository = Repository(url, "flux-system/flux-system")
    return Read((Unit(path, repository, Transform(source, applies=True)),))


def _older_patches(spec: Mapping[str, Any], source: Source) -> tuple[tuple[Patch, ...], tuple[Patch, ...]]:
    """The strategic merges and RFC 6902 operations of v1beta2, written as YAML: no text of their own to fix."""
    merges = tuple(Patch(source, merge=item) for item in items(spec.get("patchesStrategicMerge")))
    operations = tuple(
        Patch(source, mapping(item.get("target")), operations=tuple(items(item.get("patch"))))
        for item in items(spec.get("patchesJson6902"))
    )
    return merges, operations


def _common(spec: Mapping[str, Any]) -> tuple[Labels, ...]:
    pairs = texts(mapping(spec.get("commonMetadata")).get("labels"))
    return (Labels(pairs),) if pairs else ()


def remote_of(spec: Mapping[str, Any]) -> str | None:
    """The target of what a Kustomization or a HelmRelease puts into another cluster; None where it is its own."""
    given = mapping(spec.get("kubeConfig"))
    name = mapping(given.get("secretRef") or given.get("configMapRef")).get("name")
    return f"kubeconfig {name}" if name else None
