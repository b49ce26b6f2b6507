"""The policies that a cluster holds, as documents: what a person wrote of each, and what keeps it there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rewriter.inventory.live.errors import ClusterError, ListError
from rewriter.inventory.live.listing import Reader
from rewriter.inventory.live.resources import RESOURCES
from rewriter.inventory.texts.manifests import items, mapping
from rewriter.records import dataclass

#: What the API server and controllers add to a manifest; no author wrote it.
_OF_SERVER = frozenset(
    {"creationTimestamp", "deletionTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid"}
)
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_ARGO = "argocd.argoproj.io/tracking-id"
_FLUX = "kustomize.toolkit.fluxcd.io"
_FLUX_HELM = "helm.toolkit.fluxcd.io"


@dataclass(frozen=True, slots=True)
class Running:
    """A policy of a cluster as a manifest, and who manages it, in words; "" where nothing says."""

    manifest: Mapping[str, Any]
    manager: str


def running_policies(reader: Reader) -> list[Running]:
    """Every policy of a cluster. Raises ClusterError where a list cannot be read whole: absence would be a guess."""
    found: list[Running] = []
    for resource in RESOURCES:
        if resource.serves != "policies":
            continue
        try:
            found += reader.whole(resource, lambda value: Running(_written(value), manager_of(value)))
        except ListError as error:
            raise ClusterError(f"context {reader.api.context}: {resource.name}: {error}") from None
    return found


def _written(value: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest without what the server adds."""
    metadata = {key: member for key, member in mapping(value.get("metadata")).items() if key not in _OF_SERVER}
    if isinstance(metadata.get("annotations"), dict):
        kept = {key: annotation for key, annotation in metadata["annotations"].items() if key != _LAST_APPLIED}
        metadata.pop("annotations")
        metadata |= {"annotations": kept} if kept else {}
    names = {key: metadata.pop(key) for key in ("name", "namespace") if key in metadata}
    rest = {key: member for key, member in value.items() if key not in ("apiVersion", "kind", "metadata", "status")}
    return {"apiVersion": value["apiVersion"], "kind": value["kind"], "metadata": {**names, **metadata}, **rest}


def manager_of(value: Mapping[str, Any]) -> str:
    """Who keeps an object as it is: Argo CD, Flux, Helm, a controller, or a person with kubectl."""
    metadata = mapping(value.get("metadata"))
    labels, annotations = mapping(metadata.get("labels")), mapping(metadata.get("annotations"))
    if isinstance(tracked := annotations.get(_ARGO), str):
        return f"Argo CD application {tracked.split(':')[0]}"
    for prefix, kind in ((_FLUX, "Flux Kustomization"), (_FLUX_HELM, "Flux HelmRelease")):
        if name := labels.get(f"{prefix}/name"):
            return f"{kind} {labels.get(f'{prefix}/namespace', '')}/{name}"
    if release := annotations.get("meta.helm.sh/release-name"):
        return f"Helm release {annotations.get('meta.helm.sh/release-namespace', '')}/{release}"
    for owner in items(metadata.get("ownerReferences")):
        return f"{owner.get('kind', 'object')} {owner.get('name', '')}"
    if _LAST_APPLIED in annotations:
        return "kubectl apply"
    return next(_field_managers(metadata), "")


def _field_managers(metadata: Mapping[str, Any]) -> Iterator[str]:
    """The managers of the manifest's own fields, the newest first; controllers that write the status are none."""
    entries = [entry for entry in items(metadata.get("managedFields")) if entry.get("subresource") != "status"]
    for entry in sorted(entries, key=lambda entry: str(entry.get("time", "")), reverse=True):
        manager = str(entry.get("manager", ""))
        if manager.startswith("argocd"):
            yield "Argo CD"
        elif manager in ("kustomize-controller", "helm-controller"):
            yield "Flux"
        elif manager:
            yield "kubectl" if manager.startswith("kubectl") else manager
