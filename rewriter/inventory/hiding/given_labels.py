"""Labels that controllers give to pods of theirs for objects of the tree: Gateways, and challenges of certificates."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from itertools import chain
from typing import Any

from rewriter.inventory.delivery.appliers import api_group
from rewriter.inventory.files.tree_files import TreeFiles
from rewriter.inventory.texts.manifests import mapping, members

_OF_GATEWAYS = (
    "gateway.*",
    "gateway.networking.k8s.io/*",
    "app.kubernetes.io/*",
    "istio.io/*",
    "*.istio.io/*",
    "kgateway*",
)
_OF_CHALLENGES = ("acme.cert-manager.io/*",)
#: Controllers of Gateways that give their pods no other labels, or make none, and classes that their charts make.
_CONTROLLERS = frozenset(
    {
        "gateway.envoyproxy.io/gatewayclass-controller",
        "gateway.nginx.org/nginx-gateway-controller",
        "io.cilium/gateway-controller",
        "istio.io/gateway-controller",
        "istio.io/mesh-controller",
        "istio.io/unmanaged-gateway",
        "kgateway.dev/kgateway",
        "konghq.com/kic-gateway-controller",
        "traefik.io/gateway-controller",
    }
)
_CLASSES = frozenset(
    {"cilium", "eg", "envoy", "istio", "istio-remote", "istio-waypoint", "kgateway", "nginx", "traefik"}
)
#: A label of ConfigMaps with what Istio adds to all Gateways of a class, and the value of its chart that makes one.
_CLASS_DEFAULTS = (b"gateway.istio.io/defaults-for-class", b"gatewayClasses")
_RELEASES = frozenset({b"HelmRelease", b"Application", b"ApplicationSet", b"HelmChart"})
_OF_ISTIO = "istio"
_GATEWAYS = "gateway.networking.k8s.io"
_ENVOY_PROXY = "EnvoyProxy"


class GivenLabels:
    """Answers from the files of a tree; all of them must have been offered."""

    def __init__(self, files: TreeFiles) -> None:
        self._files = files

    def keys_of(self, value: Mapping[str, Any]) -> frozenset[str] | None:
        """The keys of the labels that an object may give to pods; None where these may have any."""
        kind, spec = (api_group(value), value.get("kind")), mapping(value.get("spec"))
        if kind == (_GATEWAYS, "Gateway"):
            return self._of_gateway(spec)
        if kind == ("gateway.envoyproxy.io", _ENVOY_PROXY):
            return _keys(spec, "labels")
        if kind in (("cert-manager.io", "Issuer"), ("cert-manager.io", "ClusterIssuer")):
            return _keys(spec, "labels") | frozenset(_OF_CHALLENGES)
        return None

    def _of_gateway(self, spec: Mapping[str, Any]) -> frozenset[str] | None:
        own = mapping(spec.get("infrastructure"))
        name = spec.get("gatewayClassName")
        known = not isinstance(name, str)  # The API server takes none without a class.
        if isinstance(name, str):
            known = self._controllers.get(name) in _CONTROLLERS if name in self._controllers else name in _CLASSES
        if self._class_defaults and _OF_ISTIO in str(self._controllers.get(str(name), name)):
            return None
        # What parameters say of pods is read of an EnvoyProxy alone.
        parameters = own.get("parametersRef")
        read = parameters is None or (mapping(parameters).get("kind") == _ENVOY_PROXY and bool(self._proxies))
        return frozenset({*_OF_GATEWAYS, *map(str, mapping(own.get("labels")))}) if known and read else None

    @cached_property
    def _controllers(self) -> Mapping[str, Any]:
        """What stands behind each GatewayClass of the tree."""
        return {
            manifest.name: mapping(manifest.value.get("spec")).get("controllerName")
            for file in self._files.of_kinds(frozenset({b"GatewayClass"}))
            for manifest in self._files.manifests(file)
            if manifest.kind == "GatewayClass"
        }

    @cached_property
    def _class_defaults(self) -> bool:
        """Whether the tree may say what Istio adds to the pods of all Gateways of a class."""
        maps = (self._files.bytes_of(self._files.inner(path)) or b"" for path in self._files.variable_files)
        releases = (file.data for file in self._files.of_kinds(_RELEASES))
        return any(word in data for data in chain(maps, releases) for word in _CLASS_DEFAULTS)

    @cached_property
    def _proxies(self) -> bool:
        return bool(self._files.of_kinds(frozenset({_ENVOY_PROXY.encode()})))


def _keys(value: Any, member: str) -> frozenset[str]:
    """The keys of every mapping of a name in a value."""
    return frozenset(str(key) for labels in members(value, member) for key in mapping(labels))
