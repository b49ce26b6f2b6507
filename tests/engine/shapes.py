"""Manifests in which some field holds a value of another shape than its type."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any

_META = {"name": "x", "namespace": "shop", "labels": {"a": "b"}, "annotations": {"note": "text"}}
_SELECTOR = {"matchLabels": {"app": "a", "k8s:io.kubernetes.pod.namespace": "shop"}}
_EXPRESSIONS = {"matchExpressions": [{"key": "app", "operator": "In", "values": ["a", "b"]}]}
_PORTS = [{"ports": [{"port": "80", "endPort": 90, "protocol": "TCP"}, {"port": "http", "protocol": "ANY"}]}]
_HTTP = {"http": [{"method": "GET", "path": "/", "headers": ["a"], "headerMatches": [{"name": "a", "value": "b"}]}]}
_SERVICES = [
    {"k8sService": {"serviceName": "web", "namespace": "shop"}},
    {"k8sServiceSelector": {"selector": {"matchLabels": {"a": "b"}}, "namespace": "shop"}},
]
_RULES: dict[str, Any] = {
    "ingress": [
        {"fromEndpoints": [_SELECTOR, _EXPRESSIONS], "toPorts": _PORTS},
        {"fromEndpoints": [_SELECTOR], "fromRequires": [{"matchLabels": {"env": "prod"}}]},
        {"fromEntities": ["cluster", "host"], "toPorts": [{**_PORTS[0], "rules": _HTTP}]},
        {"fromCIDR": ["10.0.0.0/8", "10.1.2.3"], "icmps": [{"fields": [{"family": "IPv4", "type": 8}]}]},
        {"fromCIDRSet": [{"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}, {"cidrGroupRef": "g"}]},
        {"fromNodes": [_SELECTOR], "authentication": {"mode": "required"}},
        {"fromEntities": ["world"], "fromCIDR": ["10.0.0.0/8"]},
    ],
    "ingressDeny": [{"fromEntities": ["world"], "toPorts": _PORTS}, {"fromRequires": [_SELECTOR]}],
    "egress": [
        {"toEndpoints": [_SELECTOR], "toPorts": [{**_PORTS[0], "rules": {"dns": [{"matchPattern": "*"}]}}]},
        {"toFQDNs": [{"matchPattern": "**.example.com"}, {"matchName": "example.com"}], "toPorts": _PORTS},
        {"toServices": _SERVICES, "toPorts": _PORTS},
        {"toRequires": [_SELECTOR], "toEndpoints": [_EXPRESSIONS]},
        {"toPorts": [{"ports": [{"port": "9092"}], "rules": {"kafka": [{"role": "produce", "topic": "t"}]}}]},
        {"toPorts": [{"ports": [{"port": "1"}], "rules": {"l7proto": "x", "l7": [{"a": "b"}]}}]},
        {"toGroups": [{"aws": {"securityGroupsIds": ["sg"]}}]},
    ],
    "egressDeny": [{"toCIDRSet": [{"cidr": "10.0.0.0/8"}], "toPorts": _PORTS}],
    "enableDefaultDeny": {"ingress": True, "egress": False},
    "labels": [{"key": "a", "value": "b", "source": "k8s"}],
    "description": "text",
}
_CILIUM = {"apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy", "metadata": _META}
_CLUSTERWIDE = {**_CILIUM, "kind": "CiliumClusterwideNetworkPolicy", "metadata": {"name": "x"}}
_POD = {
    "containers": [{"name": "c", "image": "i", "ports": [{"name": "http", "containerPort": 80, "protocol": "TCP"}]}]
}
_TEMPLATE = {"metadata": {"labels": {"app": "a"}}, "spec": {**_POD, "serviceAccountName": "s"}}
POLICIES: tuple[dict[str, Any], ...] = (
    {**_CILIUM, "spec": {"endpointSelector": _SELECTOR, **_RULES}},
    {**_CILIUM, "specs": [{"endpointSelector": _EXPRESSIONS, **_RULES}, {"endpointSelector": {}, "ingress": [{}]}]},
    {**_CLUSTERWIDE, "spec": {"nodeSelector": _SELECTOR, "ingress": _RULES["ingress"][:1]}},
    {**_CLUSTERWIDE, "spec": {"endpointSelector": _SELECTOR, "egress": [], "ingress": _RULES["ingress"][2:3]}},
    *({**_CILIUM, "spec": {"endpointSelector": {}, "ingress": [rule]}} for rule in _RULES["ingress"]),
    *({**_CILIUM, "spec": {"endpointSelector": {}, "egress": [rule]}} for rule in _RULES["egress"]),
    {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": _META,
        "spec": {
            "podSelector": _SELECTOR,
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [
                {"from": [{"podSelector": {"matchLabels": {"a": "b"}}, "namespaceSelector": _EXPRESSIONS}]},
                {"from": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}], "ports": [{"port": 80}]},
            ],
            "egress": [{"to": [{"namespaceSelector": {}}], "ports": [{"port": "http", "protocol": "UDP"}]}],
        },
    },
)
FACTS: tuple[dict[str, Any], ...] = (
    {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _META,
        "spec": {
            "selector": {"app": "a"},
            "type": "ClusterIP",
            "ports": [{"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"}],
        },
    },
    {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _META,
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "a"}}, "template": _TEMPLATE},
    },
    {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": _META,
        "spec": {"jobTemplate": {"spec": {"template": _TEMPLATE}}},
    },
    {"apiVersion": "v1", "kind": "Pod", "metadata": _META, "spec": _POD},
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": {"team": "a"}}},
    {
        "apiVersion": "cilium.io/v2alpha1",
        "kind": "CiliumCIDRGroup",
        "metadata": {"name": "g"},
        "spec": {"externalCIDRs": ["10.0.0.0/8"]},
    },
    {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {**_META, "labels": {"kubernetes.io/service-name": "x"}},
        "endpoints": [{"addresses": ["10.0.0.1"], "targetRef": {"kind": "Pod", "name": "x"}}],
        "ports": [{"name": "http", "port": 80, "protocol": "TCP"}],
    },
    {
        "apiVersion": "helm.toolkit.fluxcd.io/v2",
        "kind": "HelmRelease",
        "metadata": {"name": "cilium", "namespace": "kube-system"},
        "spec": {
            "chart": {"spec": {"chart": "cilium", "version": "1.18.1"}},
            "values": {
                "cluster": {"name": "a", "id": 1},
                "ipam": {"operator": {"clusterPoolIPv4PodCIDRList": ["10.0.0.0/8"]}},
            },
        },
    },
    {
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "kind": "Kustomization",
        "metadata": _META,
        "spec": {"path": "./a", "targetNamespace": "shop", "sourceRef": {"kind": "GitRepository", "name": "g"}},
    },
    {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": _META,
        "spec": {
            "source": {"path": "a", "repoURL": "https://e.org/r"},
            "destination": {"namespace": "shop", "name": "a"},
        },
    },
)
_JUNK: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 8080, 1 << 70, 1.5, "", "text", "8080", "*", "::1", "${X}"),
    *("\u00b2", "\u0663", "9" * 5000, -(10**20)),
    *(
        [],
        [None],
        [[]],
        [{}],
        [[1]],
        [{"a": 1}],
        ["a", 1],
        {},
        {"a": None},
        {"a": 1},
        {"a": []},
        {"a": {"b": [1]}},
        {"": ""},
    ),
)


def misshapen(count: int, seed: int, kinds: tuple[dict[str, Any], ...] = POLICIES) -> Iterator[dict[str, Any]]:
    """So many manifests, in each of which one to three places hold something else; sometimes by an alias."""
    chance = random.Random(seed)
    for _ in range(count):
        manifest = copy.deepcopy(chance.choice(kinds))
        for _ in range(chance.choice((1, 1, 1, 2, 3))):
            _misshape(manifest, chance)
        yield manifest


def _misshape(manifest: dict[str, Any], chance: random.Random) -> None:
    places = [place for place in _places(manifest) if place[1] not in ("apiVersion", "kind")]
    container, key = chance.choice(places)
    what = chance.random()
    if what < 0.7:
        container[key] = copy.deepcopy(chance.choice(_JUNK))
    elif what < 0.8:
        container[key] = [container[key]]
    elif what < 0.85:
        container[key] = {"a": container[key]}
    elif what < 0.95:
        other, name = chance.choice(places)
        if not _holds(other[name], container):
            container[key] = other[name]  # The same object: an alias in the text.
    elif isinstance(container, list):
        container.append(container[key])
    else:
        container[chance.choice((1, None, True, "a/b~c"))] = container.pop(key)


def _places(node: Any) -> Iterator[tuple[Any, Any]]:
    items = list(node.items()) if isinstance(node, dict) else list(enumerate(node)) if isinstance(node, list) else []
    for key, value in items:
        yield node, key
        yield from _places(value)


def _holds(node: Any, wanted: Any) -> bool:
    return node is wanted or any(
        _holds(container[key], wanted) for container, key in _places(node) if container[key] is wanted
    )


#: One value of each type, to put in the place of every other.
TYPES: tuple[Any, ...] = (None, True, 0, -1.5, "", "text", [], ["text"], [[]], [None], {}, {"a": 1}, {"a": [{}]})


def retyped(manifest: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A manifest with every place of it, one after the other, holding a value of every type."""
    for number in range(len(list(_places(manifest)))):
        for value in TYPES:
            changed = copy.deepcopy(manifest)
            container, key = list(_places(changed))[number]
            container[key] = copy.deepcopy(value)
            yield changed
