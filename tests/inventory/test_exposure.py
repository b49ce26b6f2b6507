"""How traffic enters a cluster, as facts: Gateways, routes, Ingresses, addresses of Services, webhooks."""

from __future__ import annotations

from typing import Any

import yaml

from rewriter.cilium.cidr import parse_prefix
from rewriter.inventory.facts.model import NamedPort, Source
from rewriter.inventory.objects.gateways import RouteBackend
from tests.inventory.support import flux, inventory, kustomization


def object_text(api: str, kind: str, name: str = "web", namespace: str | None = "shop", **members: Any) -> str:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {}), **members.pop("metadata", {})}
    return yaml.safe_dump({"apiVersion": api, "kind": kind, "metadata": metadata, **members})


GATEWAY_API = "gateway.networking.k8s.io/v1"


def test_gateway_and_route() -> None:
    listeners = [{"name": "a", "port": 80, "hostname": "*.example.com"}, {"name": "b", "port": 443}]
    gateway = object_text(
        GATEWAY_API,
        "Gateway",
        spec={"gatewayClassName": "cilium", "listeners": listeners, "addresses": [{"value": "192.0.2.1"}]},
        status={"addresses": [{"type": "Hostname", "value": "x.example.com"}]},
    )
    rules = [
        {"backendRefs": [{"name": "web", "port": 80}, {"kind": "Bucket", "group": "x.io", "name": "b"}]},
        {"filters": [{"requestMirror": {"backendRef": {"name": "shadow", "namespace": "lab", "port": 81}}}]},
    ]
    route = object_text(
        GATEWAY_API,
        "HTTPRoute",
        spec={
            "parentRefs": [{"name": "front", "namespace": "edge"}, {"kind": "Service", "name": "web"}],
            "hostnames": ["shop.example.com"],
            "rules": rules,
        },
    )
    made = inventory({"gateway.yaml": gateway, "route.yaml": route})
    (found,) = made.gateways()
    assert (found.class_name, found.listeners, found.hostnames) == ("cilium", (80, 443), ("*.example.com",))
    assert (found.addresses, found.source) == (("192.0.2.1",), Source("gateway.yaml", 1))
    (way,) = made.routes()
    assert (way.parents, way.hostnames) == ((("edge", "front"),), ("shop.example.com",))
    assert way.backends == (RouteBackend("shop", "web", 80), RouteBackend("lab", "shadow", 81))


def test_a_gateway_of_another_api_is_none() -> None:
    text = object_text("networking.istio.io/v1", "Gateway", spec={"gatewayClassName": "x", "servers": []})
    assert inventory({"gateway.yaml": text}).gateways() == []


def test_a_route_lands_where_flux_puts_it() -> None:
    spec = {"rules": [{"backendRefs": [{"name": "web"}]}]}
    route = object_text(GATEWAY_API, "HTTPRoute", namespace=None, spec=spec)
    files = {
        "apps/route.yaml": route,
        "apps/kustomization.yaml": kustomization(resources=["route.yaml"]),
        "flux.yaml": flux("apps", "./apps", targetNamespace="shop"),
    }
    (way,) = inventory(files).routes()
    assert (way.namespace, way.backends) == ("shop", (RouteBackend("shop", "web", None),))


def test_ingresses_of_both_apis() -> None:
    new = {"ingressClassName": "cilium", "defaultBackend": {"service": {"name": "web", "port": {"name": "http"}}}}
    path = {"path": "/", "backend": {"serviceName": "old", "servicePort": 80}}
    old = {"rules": [{"host": "old.example.com", "http": {"paths": [path]}}]}
    files = {
        "new.yaml": object_text("networking.k8s.io/v1", "Ingress", spec=new),
        "old.yaml": object_text(
            "extensions/v1beta1",
            "Ingress",
            metadata={"annotations": {"kubernetes.io/ingress.class": "nginx"}},
            spec=old,
        ),
    }
    first, second = inventory(files).ingresses()
    assert (first.class_name, first.backends) == ("cilium", (RouteBackend("shop", "web", "http"),))
    assert (second.class_name, second.backends) == ("nginx", (RouteBackend("shop", "old", 80),))
    assert second.hostnames == ("old.example.com",)


def test_classes_and_their_controllers() -> None:
    default = {"annotations": {"ingressclass.kubernetes.io/is-default-class": "true"}}
    files = {
        "a.yaml": object_text(GATEWAY_API, "GatewayClass", "edge", None, spec={"controllerName": "example.com/x"}),
        "b.yaml": object_text(
            "networking.k8s.io/v1", "IngressClass", "in", None, metadata=default, spec={"controller": "example.com/y"}
        ),
    }
    first, second = inventory(files).controller_classes()
    assert (first.kind, first.name, first.controller, first.default) == ("GatewayClass", "edge", "example.com/x", False)
    assert (second.kind, second.controller, second.default) == ("IngressClass", "example.com/y", True)


def test_addresses_of_a_service() -> None:
    text = object_text(
        "v1",
        "Service",
        metadata={
            "annotations": {
                "lbipam.cilium.io/ips": "192.0.2.20, 2001:db8::20",
                "external-dns.alpha.kubernetes.io/hostname": "shop.example.com",
                "other": "x",
            }
        },
        spec={
            "type": "LoadBalancer",
            "externalIPs": ["198.51.100.1"],
            "loadBalancerIP": "192.0.2.21",
            "externalTrafficPolicy": "Local",
            "ports": [{"port": 80, "nodePort": 30080}],
        },
        status={"loadBalancer": {"ingress": [{"ip": "192.0.2.22"}, {"hostname": "lb.example.com"}]}},
    )
    (service,) = inventory({"service.yaml": text}).services("web")
    assert service.load_balancer_ips == ("192.0.2.21", "192.0.2.20", "2001:db8::20", "192.0.2.22")
    assert (service.external_ips, service.external_traffic_policy) == (("198.51.100.1",), "Local")
    assert service.ports[0].node_port == 30080
    assert service.annotations == {"external-dns.alpha.kubernetes.io/hostname": "shop.example.com"}


def test_calls_of_the_api_server() -> None:
    hook = {"name": "a.example.com", "clientConfig": {"service": {"name": "guard", "namespace": "guard", "path": "/x"}}}
    config = {"service": {"name": "convert", "namespace": "guard", "port": 9443}}
    webhook = {"conversionReviewVersions": ["v1"], "clientConfig": config}
    admission = "admissionregistration.k8s.io/v1"
    files = {
        "a.yaml": object_text(admission, "ValidatingWebhookConfiguration", "v", None, webhooks=[hook, hook]),
        "b.yaml": object_text(
            "apiregistration.k8s.io/v1",
            "APIService",
            "v1beta1.metrics.k8s.io",
            None,
            spec={"service": {"name": "metrics-server", "namespace": "kube-system"}},
        ),
        "c.yaml": object_text(
            "apiextensions.k8s.io/v1",
            "CustomResourceDefinition",
            "things.example.com",
            None,
            spec={"conversion": {"strategy": "Webhook", "webhook": webhook}},
        ),
        "d.yaml": object_text(
            "apiextensions.k8s.io/v1", "CustomResourceDefinition", "x", None, spec={"conversion": {"strategy": "None"}}
        ),
    }
    calls = [(call.kind, call.namespace, call.service, call.port) for call in inventory(files).api_server_calls()]
    assert calls == [
        ("ValidatingWebhookConfiguration", "guard", "guard", 443),
        ("APIService", "kube-system", "metrics-server", 443),
        ("CustomResourceDefinition", "guard", "convert", 9443),
    ]


def test_pools_of_addresses() -> None:
    blocks = [{"cidr": "192.0.2.0/28"}, {"start": "198.51.100.1", "stop": "198.51.100.9"}, {"start": "203.0.113.7"}]
    selector = {"matchLabels": {"app": "web"}}
    text = object_text(
        "cilium.io/v2", "CiliumLoadBalancerIPPool", "p", None, spec={"blocks": blocks, "serviceSelector": selector}
    )
    (pool,) = inventory({"pool.yaml": text}).address_pools()
    assert pool.cidrs == ("192.0.2.0/28",)
    assert pool.ranges == (("198.51.100.1", "198.51.100.9"), ("203.0.113.7", "203.0.113.7"))
    assert (pool.selector, pool.disabled) == (selector, False)


def test_a_redirect_policy_of_a_service() -> None:
    text = object_text(
        "cilium.io/v2",
        "CiliumLocalRedirectPolicy",
        "dns",
        "kube-system",
        spec={
            "redirectFrontend": {"serviceMatcher": {"serviceName": "kube-dns", "namespace": "kube-system"}},
            "redirectBackend": {
                "localEndpointSelector": {"matchLabels": {"k8s-app": "node-local-dns"}},
                "toPorts": [{"port": "53", "name": "dns", "protocol": "UDP"}],
            },
        },
    )
    (policy,) = inventory({"lrp.yaml": text}).redirect_policies()
    assert (policy.service, policy.frontend_ports) == (("kube-system", "kube-dns"), ())
    assert policy.backend_labels == {"k8s-app": "node-local-dns"}
    assert policy.backend_ports == (NamedPort("dns", 53, "UDP"),)


def test_bindings_of_an_account() -> None:
    subjects = [{"kind": "ServiceAccount", "name": "web"}, {"kind": "User", "name": "web"}]
    text = object_text(
        "rbac.authorization.k8s.io/v1", "RoleBinding", "web-reads", subjects=subjects, roleRef={"name": "reader"}
    )
    made = inventory({"rbac.yaml": text})
    (binding,) = made.account_bindings("web", "shop")
    assert (str(binding), binding.role) == ("RoleBinding web-reads", "reader")
    assert made.account_bindings("web", "lab") == []


def test_a_file_with_two_kinds_of_a_fact_tells_each_once() -> None:
    node = object_text("v1", "Node", "n1", None, status={"addresses": [{"type": "InternalIP", "address": "192.0.2.1"}]})
    other = object_text("cilium.io/v2", "CiliumNode", "n2", None, spec={"addresses": [{"ip": "192.0.2.2"}]})
    service = object_text("v1", "Service", "nas", spec={"ports": [{"port": 445}]})
    labels: Any = {"labels": {"kubernetes.io/service-name": "nas"}}
    ends: Any = {"endpoints": [{"addresses": ["192.0.2.9"]}], "ports": [{"port": 445}]}
    piece = object_text("discovery.k8s.io/v1", "EndpointSlice", "nas-1", metadata=labels, **ends)
    old = object_text("v1", "Endpoints", "old", subsets=[{"addresses": [{"ip": "192.0.2.8"}], "ports": [{"port": 1}]}])
    found = inventory({"all.yaml": "---\n".join([node, other, service, piece, old])})
    assert [each.name for each in found.nodes()] == ["n1", "n2"]
    (nas,) = found.all_services()
    assert [each.addresses for each in found.endpoint_slices(nas)] == [("192.0.2.9",)]


def test_pools_of_metallb_hold_addresses() -> None:
    spec = {"addresses": ["192.0.2.0/28", "198.51.100.7 - 198.51.100.9", "2001:db8::/120"]}
    own = object_text("metallb.io/v1beta1", "IPAddressPool", "lan", "metallb-system", spec=spec)
    other = object_text("example.com/v1", "IPAddressPool", "other", spec={"addresses": ["203.0.113.0/24"]})
    found = inventory({"a.yaml": own, "b.yaml": other})
    assert [(str(pool), str(pool.source)) for pool in found.address_pools()] == [("IPAddressPool lan", "a.yaml:1")]
    held = ("192.0.2.3/32", "198.51.100.8/32", "2001:db8::7/128", "198.51.100.10/32", "203.0.113.1/32")
    answers = [found.addresses.is_balanced(parse_prefix(text)) for text in held]
    assert answers == [True, True, True, False, False]


def test_records_of_dns_endpoints() -> None:
    text = """
apiVersion: externaldns.k8s.io/v1alpha1
kind: DNSEndpoint
metadata: {name: records, namespace: network}
spec:
  endpoints:
    - {dnsName: Git.Example.com., recordType: A, targets: [192.0.2.1, 192.0.2.2]}
    - {dnsName: www.example.com, recordType: CNAME, targets: [Edge.Example.NET.]}
    - dnsName: proxied.example.com
      recordType: A
      targets: [192.0.2.1]
      providerSpecific: [{name: external-dns.alpha.kubernetes.io/cloudflare-proxied, value: "true"}]
    - {dnsName: example.com, recordType: MX, targets: ["10 mail.example.com"]}
---
apiVersion: other.example.com/v1
kind: DNSEndpoint
metadata: {name: other, namespace: network}
spec: {endpoints: [{dnsName: other.example.com, recordType: A, targets: [192.0.2.1]}]}
"""
    found = inventory({"dns.yaml": text}).dns_records()
    assert [(record.host, record.targets, record.alias, record.proxied) for record in found] == [
        ("git.example.com", ("192.0.2.1", "192.0.2.2"), False, False),
        ("www.example.com", ("edge.example.net",), True, False),
        ("proxied.example.com", ("192.0.2.1",), False, True),
    ]
    assert (str(found[0]), str(found[0].source)) == ("DNSEndpoint network/records", "dns.yaml:2")
