"""What pods run with: their template, the ConfigMaps that they read, and the name servers that kubelets give them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rewriter.inventory.facts.model import Source
from rewriter.inventory.objects.kubernetes import namespace_of, pod_of
from rewriter.inventory.texts.manifests import Manifest, mapping, texts
from rewriter.records import dataclass

#: What Flux fetches from somewhere (fluxcd source-controller).
REPOSITORY_KINDS = frozenset({"HelmRepository", "GitRepository", "OCIRepository", "Bucket"})


#: What a container has from the values of its release, by their paths: no field of Kubernetes.
FROM_VALUES = "fromValues"


@dataclass(frozen=True, slots=True)
class PodTemplate:
    """The pods of a workload as its manifest has them: `spec` is the pod spec as written."""

    kind: str
    name: str
    namespace: str
    cluster: str | None
    spec: Mapping[str, Any]
    source: Source


@dataclass(frozen=True, slots=True)
class ConfigMap:
    """A ConfigMap with its texts."""

    name: str
    namespace: str
    cluster: str | None
    data: Mapping[str, str]
    source: Source

    def __str__(self) -> str:
        return f"ConfigMap {self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Repository:
    """A HelmRepository, GitRepository, OCIRepository or Bucket of Flux: `url` is where source-controller fetches it."""

    kind: str
    name: str
    namespace: str
    cluster: str | None
    url: str
    source: Source

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class KubeletSettings:
    """A KubeletConfiguration: the name servers that it gives pods."""

    cluster: str | None
    cluster_dns: tuple[str, ...]
    source: Source


def pod_template(manifest: Manifest, cluster: str | None) -> PodTemplate | None:
    """The pod spec of a workload; None where it has none, or its namespace is not known."""
    namespace, pod = namespace_of(manifest), pod_of(manifest)
    if namespace is None or not pod:
        return None
    return PodTemplate(manifest.kind, manifest.name, namespace, cluster, mapping(pod.get("spec")), manifest.source)


def config_map(manifest: Manifest, cluster: str | None) -> ConfigMap | None:
    """A ConfigMap whose namespace is known."""
    namespace = namespace_of(manifest)
    if namespace is None or manifest.value.get("apiVersion") != "v1":
        return None
    return ConfigMap(manifest.name, namespace, cluster, texts(manifest.value.get("data")), manifest.source)


def repository(manifest: Manifest, cluster: str | None) -> Repository | None:
    """A source of Flux with the address that it is fetched from."""
    namespace, spec = namespace_of(manifest), mapping(manifest.value.get("spec"))
    url = spec.get("endpoint" if manifest.kind == "Bucket" else "url")
    flux = str(manifest.value.get("apiVersion", "")).startswith("source.toolkit.fluxcd.io/")
    if not flux or namespace is None or not isinstance(url, str) or not url:
        return None
    return Repository(manifest.kind, manifest.name, namespace, cluster, url, manifest.source)


def kubelet_settings(manifest: Manifest, cluster: str | None) -> KubeletSettings | None:
    """A KubeletConfiguration that names name servers."""
    servers = manifest.value.get("clusterDNS")
    found = tuple(server for server in servers if isinstance(server, str)) if isinstance(servers, list) else ()
    return KubeletSettings(cluster, found, manifest.source) if found else None
