"""Whom rules select and what they let pass: subjects, peers, empty lists, default deny, deny rules and addresses."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.semantics.repository import (
    WEB,
    Case,
    Flow,
    Manifest,
    app,
    ccnp,
    cnp,
    helm,
    knp,
    namespace,
    port,
    ports,
    service,
    wrong,
)

APPS = [
    namespace("shop", env="prod"),
    namespace("prod", env="prod", team="core"),
    namespace("lab"),
    app("shop/web"),
    app("shop/api"),
    app("shop/cli"),
    app("prod/db"),
    app("prod/agent", host_network=True),
    app("lab/x"),
    service("prod/db", selector={"app": "db"}),
]
W, API, CLI, DB, X, AGENT = "shop/web", "shop/api", "shop/cli", "prod/db", "lab/x", "prod/agent"
HTTP = ports(port(80))
ON = {"infra/cilium.yaml": [helm({"hostFirewall": {"enabled": True}})]}
OFF = {"infra/cilium.yaml": [helm({"hostFirewall": {"enabled": False}})]}


def case(title: str, policy: Manifest, *flows: Flow, **files: Sequence[Manifest]) -> Case:
    return Case(title, {"apps.yaml": APPS, "policy.yaml": [policy], **files}, flows)


def asks(source: str, destination: str, passes: bool, *releases: str, at: str = "80/TCP") -> list[Flow]:
    return [(source, destination, at, release, passes) for release in releases or ("1.19",)]


def into_web(*rules: Manifest, **spec: object) -> Manifest:
    return cnp("shop", {"endpointSelector": WEB, "ingress": list(rules), **spec})


def from_web(*rules: Manifest, **spec: object) -> Manifest:
    return cnp("shop", {"endpointSelector": WEB, "egress": list(rules), **spec})


FROM_API = {"fromEndpoints": [{"matchLabels": {"app": "api"}}]}
ALL_IN = {"fromEntities": ["all"]}
TEAM = {"matchLabels": {"io.cilium.k8s.namespace.labels.team": "core"}}
ENV = {"matchExpressions": [{"key": "k8s:io.cilium.k8s.namespace.labels.env", "operator": "In", "values": ["prod"]}]}
FOREIGN = {"matchLabels": {"app": "web", "k8s:io.kubernetes.pod.namespace": "prod"}}
NO_HOST = {"matchExpressions": [{"key": "reserved:host", "operator": "DoesNotExist"}]}
PROD = {"matchLabels": {"k8s:io.kubernetes.pod.namespace": "prod"}}
OFF_IN = {"enableDefaultDeny": {"ingress": False}}
OFF_OUT = {"enableDefaultDeny": {"egress": False}}

CASES = [
    case(
        "a subject's foreign namespace is overridden",
        cnp("shop", {"endpointSelector": FOREIGN, "ingress": [FROM_API]}),
        *asks(API, W, True),
        *asks(CLI, W, False),
        *asks(X, DB, True),
    ),
    case(
        "spec and specs together",
        cnp(
            "shop",
            {"endpointSelector": WEB, "ingress": [FROM_API]},
            specs=[{"endpointSelector": WEB, "ingress": [{"fromEndpoints": [{"matchLabels": {"app": "cli"}}]}]}],
        ),
        *asks(API, W, True),
        *asks(CLI, W, True),
        *asks(X, W, False),
    ),
    case(
        "a clusterwide policy selects every pod and no node",
        ccnp({"endpointSelector": {}, "ingress": [{"fromEntities": ["cluster"]}]}),
        *asks(API, W, True),
        *asks("world", W, False),
        *asks("host", W, True),
        *asks("remote-node", W, True),
        *asks("ingress", W, True),
        *asks("health", W, True),
        *asks(AGENT, W, True),
        *asks("world", AGENT, True),
    ),
    case(
        "peers are of the own namespace",
        into_web({"fromEndpoints": [{"matchLabels": {"app": "db"}}]}),
        *asks(DB, W, False),
    ),
    case(
        "namespace labels stand alone from 1.16",
        into_web({"fromEndpoints": [TEAM]}),
        *asks(DB, W, False, "1.15"),
        *asks(DB, W, True, "1.16", "1.20"),
        *asks(API, W, False, "1.16"),
    ),
    case(
        "namespace labels narrow the own namespace on 1.15",
        from_web({"toEndpoints": [ENV]}),
        *asks(W, DB, False, "1.15"),
        *asks(W, API, True, "1.15"),
        *asks(W, DB, True, "1.18"),
    ),
    case(
        "a reserved key gets no namespace",
        into_web({"fromEndpoints": [{"matchLabels": {"reserved:ingress": ""}}]}),
        *asks("ingress", W, True),
        *asks(API, W, False),
    ),
    case(
        "a negative reserved key reaches the world",
        into_web({"fromEndpoints": [NO_HOST]}),
        *asks("world", W, True),
        *asks(DB, W, True),
    ),
    case(
        "an empty rule allows nothing",
        cnp("shop", {"endpointSelector": {}, "ingress": [{}]}),
        *asks(API, W, False),
        *asks("host", W, True),
        *asks(W, "world", True),
    ),
    case(
        "ports without peers are open to everybody",
        cnp("shop", {"endpointSelector": {}, "ingress": [{"toPorts": HTTP}]}),
        *asks("world", W, True),
        *asks("world", W, False, at="81/TCP"),
    ),
    *(
        case(
            f"{field}: [] selects nobody",
            cnp("shop", {"endpointSelector": {}, "ingress": [{field: [], "toPorts": HTTP}]}),
            *asks("world", W, False),
            *asks(API, W, False),
        )
        for field in ("fromEndpoints", "fromEntities", "fromCIDR", "fromCIDRSet")
    ),
    case(
        "toPorts: [] is as if absent",
        into_web({"fromEntities": ["world"], "toPorts": []}),
        *asks("world", W, True),
        *asks(API, W, False),
    ),
    case(
        "toPorts: [{}] allows nothing", into_web({"fromEntities": ["world"], "toPorts": [{}]}), *asks("world", W, False)
    ),
    case("ports: [] allows nothing", into_web({"toPorts": [{"ports": []}]}), *asks("world", W, False)),
    case(
        "an empty selector in a clusterwide policy is every pod",
        ccnp({"endpointSelector": WEB, "ingress": [{"fromEndpoints": [{}]}]}),
        *asks(X, W, True),
        *asks("remote-node", W, False),
        *asks("world", W, False),
        *asks(AGENT, W, False),
    ),
    case(
        "no rules at all",
        cnp("shop", {"endpointSelector": WEB, "ingress": []}),
        *asks("world", W, True, "1.16", "1.19"),
    ),
    case(
        "two kinds of peers in a rule reject the policy",
        into_web({"fromEndpoints": [{}], "fromEntities": ["host"]}),
        *asks("world", W, True),
    ),
    case(
        "two kinds of peers in a deny rule reject it from 1.17",
        into_web({}, ingressDeny=[{"fromEndpoints": [{}], "fromEntities": ["world"]}]),
        *asks(API, W, False, "1.16"),
        *asks(API, W, True, "1.17"),
    ),
    case(
        "enableDefaultDeny: false leaves pods open, where it is known",
        into_web({"fromEntities": ["host"]}, **OFF_IN),
        *asks("world", W, True),
        *asks("world", W, False, "1.15"),
    ),
    case(
        "a deny rule without default deny",
        cnp("shop", {"endpointSelector": WEB, **OFF_IN, "ingressDeny": [{"fromEntities": ["world"]}]}),
        *asks("world", W, False),
        *asks(API, W, True),
    ),
    case(
        "enableDefaultDeny: true without rules of the direction denies nothing",
        into_web({"fromEntities": ["world"]}, enableDefaultDeny={"ingress": True, "egress": True}),
        *asks(W, "world", True),
        *asks(API, W, False),
    ),
    case(
        "deny rules alone shut the pod",
        cnp("shop", {"endpointSelector": WEB, "ingressDeny": [{"fromEntities": ["world"]}]}),
        *asks(API, W, False),
    ),
    case(
        "the local host may be denied",
        cnp("shop", {"endpointSelector": WEB, "ingressDeny": [{"fromEntities": ["host"]}]}),
        *asks("host", W, False),
    ),
    case(
        "addresses are outside the mesh",
        from_web({"toCIDR": ["0.0.0.0/0"]}),
        *asks(W, DB, False),
        *asks(W, "8.8.8.8", True),
        *asks(W, "world", True),
        *asks(W, "remote-node", False),
        *asks(W, "kube-apiserver", False, at="6443/TCP"),
    ),
    case("a narrower range is not the world", from_web({"toCIDR": ["10.0.0.0/8"]}), *asks(W, "world", False)),
    case(
        "a denied range denies no pod",
        from_web(egressDeny=[{"toCIDR": ["10.0.0.0/8"]}], **OFF_OUT),
        *asks(W, DB, True),
        *asks(W, "10.1.1.1", False),
    ),
    case(
        "exceptions",
        from_web({"toCIDRSet": [{"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}]}),
        *asks(W, "10.1.1.1", False),
        *asks(W, "10.2.1.1", True),
    ),
    case(
        "an exception wider than its range is rejected from 1.20",
        from_web({"toCIDRSet": [{"cidr": "10.1.0.0/16", "except": ["10.1.0.0/8"]}]}),
        *asks(W, "10.1.1.1", False),
        *asks(W, "11.1.1.1", True, "1.20"),
    ),
    case(
        "a bare address is rejected from 1.20",
        from_web({"toCIDR": ["198.51.100.7"]}),
        *asks(W, "198.51.100.7", True),
        *asks(W, "198.51.100.8", False),
        *asks(W, "198.51.100.8", True, "1.20"),
    ),
    case(
        "a bare address in a set never was accepted",
        from_web({"toCIDRSet": [{"cidr": "198.51.100.7"}]}),
        *asks(W, "198.51.100.8", True),
    ),
    case(
        "cluster-mesh is an entity from 1.20",
        into_web({"fromEntities": ["cluster-mesh"]}),
        *asks("world", W, True),
        *asks("world", W, False, "1.20"),
        *asks(X, W, True, "1.20"),
    ),
    case(
        "requirements narrow other rules up to 1.18, and reject the policy from 1.19",
        into_web({"fromEndpoints": [{}], "fromRequires": [{"matchLabels": {"app": "api"}}]}),
        *asks(API, W, True, "1.18"),
        *asks(CLI, W, False, "1.18"),
        *asks(CLI, W, True, "1.19"),
    ),
    case(
        "node rules in specs reject the policy from 1.18",
        cnp("shop", specs=[{"nodeSelector": {}, "ingress": [{}]}, {"endpointSelector": WEB, "ingress": [{}]}]),
        *asks("world", W, False, "1.17"),
        *asks("world", W, True, "1.18"),
    ),
    case(
        "label keys with a source of other characters are rejected from 1.20",
        cnp("shop", {"endpointSelector": {"matchLabels": {"my-src:app": "web"}}, "ingress": [{}]}),
        *asks("world", W, True, "1.20"),
    ),
    # Pods on the host network.
    case(
        "no policy for pods applies to the host network",
        cnp("prod", {"endpointSelector": {}, "ingress": [{}], "egress": [{}]}),
        *asks(X, AGENT, True),
        *asks(AGENT, X, True),
    ),
    case(
        "no deny rule does either",
        ccnp({"endpointSelector": {}, "ingressDeny": [ALL_IN]}),
        *asks(X, AGENT, True),
        *asks(X, DB, False),
    ),
    case("no pod selector matches the host network", into_web({"fromEndpoints": [PROD]}), *asks(AGENT, W, False)),
    case("the host network is the node", into_web({"fromEntities": ["remote-node"]}), *asks(AGENT, W, True)),
    case("so it is on egress", from_web({"toEntities": ["remote-node", "host"]}), *asks(W, AGENT, True)),
    case("and not its namespace", from_web({"toEndpoints": [PROD]}), *asks(W, AGENT, False), *asks(W, DB, True)),
    case(
        "nor for a NetworkPolicy",
        knp("shop", {"podSelector": {}, "ingress": [{"from": [{"namespaceSelector": {}}]}]}),
        *asks(AGENT, W, False),
        *asks(DB, W, True),
    ),
    case(
        "a host policy applies to it",
        ccnp({"nodeSelector": {}, "ingress": [{"fromEntities": ["cluster"]}]}),
        *asks("world", AGENT, False),
        *asks(X, AGENT, True),
        *asks("world", W, True),
        **ON,
    ),
    case(
        "a host policy does nothing while the host firewall is off",
        ccnp({"nodeSelector": {}, "ingress": [{"fromEntities": ["cluster"]}]}),
        *asks("world", AGENT, True),
        **OFF,
    ),
]


@pytest.mark.parametrize("each", CASES, ids=lambda case: case.title)
def test_flows(each: Case) -> None:
    assert wrong(each) == []
