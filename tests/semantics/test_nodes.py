"""Rules that name nodes: which nodes they reach, and what the filter of node labels leaves of them."""

from __future__ import annotations

import pytest

from tests.semantics.repository import WEB, Case, Flow, Manifest, app, cnp, helm, namespace, wrong


def node(name: str, address: str, labels: dict[str, str]) -> Manifest:
    metadata = {"name": name, "labels": labels}
    status = {"addresses": [{"type": "InternalIP", "address": address}]}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "status": status}


FIRST, SECOND, SERVER = "192.168.7.10", "192.168.7.11", "192.168.7.2"
CONTROL_PLANE = node("node-3", SERVER, {"node-role.kubernetes.io/control-plane": ""})
NODES = [node("node-1", FIRST, {"rack": "b7"}), node("node-2", SECOND, {"rack": "c1"}), CONTROL_PLANE]
W = "shop/web"
RACK = {"matchLabels": {"rack": "b7"}}
FROM = cnp("shop", {"endpointSelector": WEB, "ingress": [{"fromNodes": [RACK]}]})
TO = cnp("shop", {"endpointSelector": WEB, "egress": [{"toNodes": [RACK]}]})
TO_ALL = cnp("shop", {"endpointSelector": WEB, "egress": [{"toNodes": [{}]}]})
TO_SERVER = cnp("shop", {"endpointSelector": WEB, "egress": [{"toEntities": ["kube-apiserver"]}]})


def settings(**values: object) -> Manifest:
    return helm({"nodeSelectorLabels": True, "cluster": {"name": "a", "id": 1}, **values}, "1.18.4")


def case(title: str, policy: Manifest, agents: Manifest, *flows: Flow) -> Case:
    files = {"apps.yaml": [namespace("shop"), app("shop/web"), *NODES], "policy.yaml": [policy]}
    return Case(title, {**files, "infra/cilium.yaml": [agents]}, flows)


def to(address: str, passes: bool, *releases: str) -> list[Flow]:
    return [(W, address, "80/TCP", release, passes) for release in releases or ("1.19",)]


CASES = [
    case(
        "by label, inwards",
        FROM,
        settings(),
        (FIRST, W, "80/TCP", "1.19", True),
        (SECOND, W, "80/TCP", "1.19", False),
        ("host", W, "80/TCP", "1.19", True),
    ),
    case("up to 1.15 there is no such rule", FROM, settings(), (FIRST, W, "80/TCP", "1.15", False)),
    case(
        "by label, outwards, and never the own node",
        TO,
        settings(),
        *to(FIRST, True),
        *to(SECOND, False),
        *to("host", False),
        *to("remote-node", False),
    ),
    case(
        "every other node",
        TO_ALL,
        settings(),
        *to(FIRST, True),
        *to("host", False),
        *to("remote-node", True),
        *to("kube-apiserver", True),
    ),
    case(
        "a whitelist of node labels without the cluster, from 1.19",
        TO,
        settings(nodeLabels="rack"),
        *to(FIRST, True, "1.18"),
        *to(FIRST, False, "1.19"),
    ),
    case(
        "a whitelist with it",
        TO,
        settings(nodeLabels="rack io.cilium.k8s.policy.cluster"),
        *to(FIRST, True, "1.18", "1.19"),
    ),
    case("a whitelist without the label", TO, settings(nodeLabels="zone"), *to(FIRST, False, "1.18")),
    case("rejected unless the agents take it", TO, helm({}), *to(FIRST, True), *to(SECOND, True)),
    case("a node of the control plane is an API server", TO_SERVER, helm({}), *to(SERVER, True), *to(FIRST, False)),
]


@pytest.mark.parametrize("each", CASES, ids=lambda case: case.title)
def test_flows(each: Case) -> None:
    assert wrong(each) == []
