"""The pods that controllers make for the Gateways of the tree, as far as their labels are certain.

- Envoy Gateway (`gateway.envoyproxy.io/gatewayclass-controller`): one Deployment or DaemonSet for each Gateway, in the
  controller's own namespace, or beside the Gateway with `provider.kubernetes.deploy.type: GatewayNamespace`
  (envoyproxy/gateway internal/infrastructure/kubernetes/proxy, read at 1.5 to 1.9). Where an EnvoyProxy of the tree
  merges Gateways, nothing is certain.
- Istio (`istio.io/gateway-controller`): a Deployment `<gateway>-<class>` beside the Gateway (Istio
  manifests/charts/istio-control/istio-discovery/files/kube-gateway.yaml).

Which ports the pods declare depends on settings that are not followed, so none is given. Envoy Gateway makes a Service
for these pods as well, with a port for each listener; the pods listen on the port + 10,000 where it is below 1024
(envoyproxy/gateway internal/gatewayapi/helpers.go, `servicePortToContainerPort`). It is given where no EnvoyProxy of
the tree makes Services of its own kind.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from rewriter.inventory.delivery.kustomize_walk import Placement
from rewriter.inventory.delivery.placements import Placements
from rewriter.inventory.files.tree_files import TreeFiles
from rewriter.inventory.objects import gateways
from rewriter.inventory.releases.model import Release
from rewriter.inventory.texts.manifests import Manifest, items, mapping

ENVOY, ISTIO = "gateway.envoyproxy.io/gatewayclass-controller", "istio.io/gateway-controller"
#: The kind of Envoy Gateway that says how the pods of a class are made.
PROXY_KIND = b"EnvoyProxy"
_ENVOY_CHART = "gateway-helm"
_GATEWAY_NAME = "gateway.networking.k8s.io/gateway-name"
_LONGEST = 48
#: Envoy runs without the right to listen below this port, and listens as much higher there.
_UNPRIVILEGED, _SHIFT = 1024, 10000


class GatewayPods:
    """Goes through the Gateways of a tree and the Envoy Gateways that releases install."""

    def __init__(self, files: TreeFiles, placements: Placements, releases: Sequence[Release]) -> None:
        self._files = files
        self._placements = placements
        self._controllers = [release for release in releases if release.chart.name == _ENVOY_CHART]

    def made(self) -> Iterator[tuple[Manifest, str, Placement]]:
        """A workload for each Gateway whose pods are known, with the Gateway's file and the way that it is applied."""
        found = list(self._placed(b"Gateway"))
        classes = {m.name: mapping(m.value.get("spec")) for m, _path, _way in self._placed(b"GatewayClass")}
        proxies = [mapping(m.value.get("spec")) for m, _path, _way in self._placed(PROXY_KIND)] if found else []
        merges = any(proxy.get("mergeGateways") is True for proxy in proxies)
        for manifest, path, placement in found:
            fact = gateways.gateway(manifest, None)
            if fact is None:
                continue
            controller = classes.get(fact.class_name, {}).get("controllerName")
            made: list[tuple[str, Mapping[str, Any]]] = []
            if controller == ENVOY and not merges:
                pods = self._envoy(fact)
                if pods is not None:
                    made.append(("pods", pods))
                    if not any(map(_shapes_services, proxies)):
                        made.append(("Service", _service(pods, mapping(manifest.value.get("spec")))))
            elif controller == ISTIO:
                made.append(("pods", _istio(fact)))
            for what, value in made:
                partial = what == "pods"
                source = replace(manifest.source, via=f"{what} of {fact}", partial=partial)
                yield Manifest(source, value), path, placement

    def _envoy(self, gateway: gateways.Gateway) -> Mapping[str, Any] | None:
        if len(self._controllers) != 1:
            return None
        release = self._controllers[0]
        deploy = mapping(_at(release.values, "config", "envoyGateway", "provider", "kubernetes", "deploy"))
        beside = deploy.get("type") == "GatewayNamespace"
        if release.unread or release.namespace is None:
            return None
        labels = {
            "app.kubernetes.io/name": "envoy",
            "app.kubernetes.io/component": "proxy",
            "app.kubernetes.io/managed-by": "envoy-gateway",
            "gateway.envoyproxy.io/owning-gateway-name": gateway.name,
            "gateway.envoyproxy.io/owning-gateway-namespace": gateway.namespace,
        }
        if beside:
            labels[_GATEWAY_NAME] = gateway.name
            return _workload(gateway.name, gateway.namespace, labels)
        full = f"{gateway.namespace}/{gateway.name}"
        digest = hashlib.sha256(full.encode()).hexdigest()[:8]
        return _workload(f"envoy-{full.replace('/', '-')[:_LONGEST]}-{digest}", release.namespace, labels)

    def _placed(self, kind: bytes) -> Iterator[tuple[Manifest, str, Placement]]:
        for file in self._files.of_kinds(frozenset({kind})):
            inner = self._files.inner(file.path)
            if inner in self._placements.patch_files:
                continue
            for manifest in self._files.manifests(file):
                if manifest.kind == kind.decode():
                    for placement in self._placements.of(inner) or (Placement((), ""),):
                        yield Manifest(manifest.source, placement.apply(manifest.value)), file.path, placement


def _istio(gateway: gateways.Gateway) -> Mapping[str, Any]:
    labels = {_GATEWAY_NAME: gateway.name, "service.istio.io/canonical-name": f"{gateway.name}-{gateway.class_name}"}
    return _workload(f"{gateway.name}-{gateway.class_name}", gateway.namespace, labels)


def _workload(name: str, namespace: str, labels: Mapping[str, str]) -> Mapping[str, Any]:
    spec = {"serviceAccountName": name, "containers": [{"name": "proxy"}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {"template": {"metadata": {"labels": labels}, "spec": spec}},
    }


def _shapes_services(proxy: Mapping[str, Any]) -> bool:
    """Whether an EnvoyProxy changes names or ports of the Services that are made for Gateways."""
    kubernetes = mapping(_at(proxy, "provider", "kubernetes"))
    service = mapping(kubernetes.get("envoyService"))
    return kubernetes.get("useListenerPortAsContainerPort") is True or "name" in service or "patch" in service


def _service(pods: Mapping[str, Any], gateway: Mapping[str, Any]) -> Mapping[str, Any]:
    """The Service before the pods of a Gateway, with its addresses."""
    metadata = mapping(pods["metadata"])
    ports = {
        (listener["port"], "UDP" if listener.get("protocol") == "UDP" else "TCP"): listener
        for listener in items(gateway.get("listeners"))
        if isinstance(listener.get("port"), int)
    }
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {**metadata, "annotations": mapping(_at(gateway, "infrastructure", "annotations"))},
        "spec": {
            "type": "LoadBalancer",
            "selector": metadata["labels"],
            "externalIPs": [address.get("value") for address in items(gateway.get("addresses"))],
            "ports": [
                {
                    "name": f"{protocol.lower()}-{port}",
                    "port": port,
                    "protocol": protocol,
                    "targetPort": port + _SHIFT if port < _UNPRIVILEGED else port,
                }
                for port, protocol in ports
            ],
        },
    }


def _at(value: Any, *path: str) -> Any:
    for part in path:
        value = mapping(value).get(part)
    return value
