"""The pods of Gateways: known where their controller and its settings are."""

from __future__ import annotations

from tests.inventory.support import inventory

GATEWAY = (
    "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: gateway-1, namespace: ns1}\n"
    "spec: {gatewayClassName: envoy, listeners: [{name: http, port: 80, protocol: HTTP}]}\n"
)
CLASS = (
    "apiVersion: gateway.networking.k8s.io/v1\nkind: GatewayClass\nmetadata: {name: envoy}\n"
    "spec: {controllerName: gateway.envoyproxy.io/gatewayclass-controller}\n"
)
RELEASE = (
    "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: eg, namespace: edge}\n"
    "spec: {chart: {spec: {chart: gateway-helm, version: v1.7.1}}, values: {}}\n"
)
BESIDE = RELEASE.replace(
    "values: {}", "values: {config: {envoyGateway: {provider: {kubernetes: {deploy: {type: GatewayNamespace}}}}}}"
)
MERGED = (
    "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: EnvoyProxy\nmetadata: {name: p, namespace: edge}\n"
    "spec: {mergeGateways: true}\n"
)
OWNED = {"app.kubernetes.io/managed-by": "envoy-gateway"}


def pods(files: dict[str, str], labels: dict[str, str]) -> list[tuple[str, str]]:
    return [(each.namespace, each.name) for each in inventory(files).workloads_with(labels)]


def test_envoy_gateway_runs_proxies_in_its_own_namespace() -> None:
    files = {"g.yaml": GATEWAY, "c.yaml": CLASS, "r.yaml": RELEASE}
    # Envoy Gateway's own test data give the Gateway ns1/gateway-1 this name.
    assert pods(files, OWNED) == [("edge", "envoy-ns1-gateway-1-02ae0474")]
    assert not pods(files, {"gateway.networking.k8s.io/gateway-name": "gateway-1"})
    (found,) = inventory(files).workloads_with(OWNED)
    assert str(found.source) == "g.yaml:1 (pods of Gateway ns1/gateway-1)" and found.ports == ()


def test_envoy_gateway_may_run_proxies_beside_their_gateway() -> None:
    files = {"g.yaml": GATEWAY, "c.yaml": CLASS, "r.yaml": BESIDE}
    assert pods(files, {"gateway.networking.k8s.io/gateway-name": "gateway-1"}) == [("ns1", "gateway-1")]


def test_istio_runs_gateways_beside_them() -> None:
    istio = CLASS.replace("gateway.envoyproxy.io/gatewayclass-controller", "istio.io/gateway-controller")
    files = {"g.yaml": GATEWAY, "c.yaml": istio}
    assert pods(files, {"gateway.networking.k8s.io/gateway-name": "gateway-1"}) == [("ns1", "gateway-1-envoy")]


def test_what_is_not_certain_is_not_told() -> None:
    cilium = CLASS.replace("gateway.envoyproxy.io/gatewayclass-controller", "io.cilium/gateway-controller")
    whole = {"g.yaml": GATEWAY, "c.yaml": CLASS, "r.yaml": RELEASE}
    assert not pods({**whole, "p.yaml": MERGED}, OWNED)
    assert not pods({**whole, "c.yaml": cilium}, OWNED)
    assert not pods({"g.yaml": GATEWAY, "r.yaml": RELEASE}, OWNED)
    assert not pods({"g.yaml": GATEWAY, "c.yaml": CLASS}, OWNED)
    other = RELEASE.replace("name: eg, namespace: edge", "name: other, namespace: other")
    assert not pods({**whole, "second.yaml": other}, OWNED)


def test_envoy_gateway_makes_a_service_whose_pods_listen_higher() -> None:
    gateway = GATEWAY.replace("port: 80, protocol: HTTP}]", "port: 80, protocol: HTTP}, {name: s, port: 8443}]")
    files = {"g.yaml": gateway, "c.yaml": CLASS, "r.yaml": RELEASE}
    (service,) = inventory(files).services("envoy-ns1-gateway-1-02ae0474", "edge")
    assert [(port.port, port.target) for port in service.ports] == [(80, 10080), (8443, 8443)]
    assert service.selector == dict(inventory(files).workloads_with(OWNED)[0].labels)
    shaped = MERGED.replace("mergeGateways: true", "provider: {kubernetes: {envoyService: {name: mine}}}")
    assert not list(inventory({**files, "p.yaml": shaped}).services("envoy-ns1-gateway-1-02ae0474", "edge"))
