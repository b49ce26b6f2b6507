"""NetworkPolicies as Cilium reads them, and CIDR groups, release by release."""

from __future__ import annotations

import pytest

from tests.semantics.repository import WEB, Case, Flow, Manifest, app, ccnp, cnp, helm, knp, namespace, wrong

APPS = [
    namespace("shop"),
    namespace("prod"),
    namespace("lab"),
    app("shop/web"),
    app("shop/api"),
    app("prod/db"),
    app("lab/x"),
    app("lab/other"),
]
W, API, DB, X, OTHER = "shop/web", "shop/api", "prod/db", "lab/x", "lab/other"
GROUP: Manifest = {
    "apiVersion": "cilium.io/v2",
    "kind": "CiliumCIDRGroup",
    "metadata": {"name": "partners", "labels": {"part": "partners"}},
    "spec": {"externalCIDRs": ["203.0.113.0/24"]},
}
NOT_PROD = {"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["prod"]}]}
NO_TEAM = {"matchExpressions": [{"key": "team", "operator": "DoesNotExist"}]}
OFF = helm({"clustermesh": {"policyDefaultLocalCluster": False}}, "1.18.4")
ON = helm({"clustermesh": {"policyDefaultLocalCluster": True}}, "1.18.4")


def case(title: str, policy: Manifest, *flows: Flow, settings: Manifest | None = None) -> Case:
    files = {"apps.yaml": [*APPS, GROUP], "policy.yaml": [policy]}
    return Case(title, {**files, **({} if settings is None else {"infra/cilium.yaml": [settings]})}, flows)


def into_x(*peers: Manifest) -> Manifest:
    return knp("lab", {"podSelector": {"matchLabels": {"app": "x"}}, "ingress": [{"from": list(peers)}]})


def at(source: str, destination: str, passes: bool, *releases: str) -> list[Flow]:
    return [(source, destination, "80/TCP", release, passes) for release in releases]


BLOCK = into_x({"ipBlock": {"cidr": "203.0.113.0/24"}})
BY_NAME = {"cidrGroupRef": "partners"}
BY_LABEL = {"cidrGroupSelector": {"matchLabels": {"part": "partners"}}}
P, STRANGER = "203.0.113.1", "8.8.8.8"


def groups(direction: str, entry: Manifest, *, deny: bool = False) -> Manifest:
    rule = {"fromCIDRSet" if direction == "ingress" else "toCIDRSet": [entry]}
    off = {"enableDefaultDeny": {direction: False}} if deny else {}
    return {"endpointSelector": WEB, direction + ("Deny" if deny else ""): [rule], **off}


CASES = [
    case(
        "no rules", knp("shop", {"podSelector": {}, "ingress": []}), *at(API, W, False, "1.19"), *at(W, X, True, "1.19")
    ),
    case("an empty rule", knp("shop", {"podSelector": {}, "ingress": [{}]}), *at("world", W, True, "1.19")),
    case(
        "empty lists",
        knp("shop", {"podSelector": {}, "ingress": [{"from": [], "ports": []}]}),
        *at("world", W, True, "1.19"),
    ),
    case(
        "both types",
        knp("shop", {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}),
        *at(W, X, False, "1.19"),
        *at(X, W, False, "1.19"),
    ),
    case(
        "one type",
        knp("shop", {"podSelector": {}, "policyTypes": ["Egress"]}),
        *at(W, X, False, "1.19"),
        *at(X, W, True, "1.19"),
    ),
    case(
        "only negative namespaces match what is no pod, up to 1.18",
        knp(
            "lab",
            {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{"to": [{"namespaceSelector": NOT_PROD}]}]},
        ),
        *at(X, "world", True, "1.15", "1.18"),
        *at(X, STRANGER, True, "1.18"),
        *at(X, "remote-node", True, "1.18"),
        *at(X, "world", False, "1.19", "1.20"),
        *at(X, W, True, "1.18", "1.19"),
        *at(X, DB, False, "1.18", "1.19"),
    ),
    case(
        "on ingress too",
        into_x({"namespaceSelector": NO_TEAM}),
        *at("world", X, True, "1.15", "1.18"),
        *at("world", X, False, "1.19"),
        *at(API, X, True, "1.19"),
    ),
    case(
        "later too where policy-default-local-cluster is off",
        into_x({"namespaceSelector": NO_TEAM}),
        *at("world", X, True, "1.19", "1.20"),
        settings=OFF,
    ),
    case(
        "and not on 1.18 where it is on",
        into_x({"namespaceSelector": NO_TEAM}),
        *at("world", X, False, "1.18"),
        settings=ON,
    ),
    case(
        "with pods a pod is meant",
        into_x({"namespaceSelector": NO_TEAM, "podSelector": {"matchLabels": {"app": "api"}}}),
        *at("world", X, False, "1.18"),
        *at(API, X, True, "1.18"),
    ),
    case(
        "every namespace is every pod",
        into_x({"namespaceSelector": {}}),
        *at("world", X, False, "1.18"),
        *at("remote-node", X, False, "1.18"),
        *at(API, X, True, "1.18"),
    ),
    case(
        "the first 1.19 lets the pods of the namespace in beside an address block",
        BLOCK,
        *at(OTHER, X, False, "1.18"),
        *at(OTHER, X, True, "1.19"),
        *at(API, X, False, "1.19"),
        *at(OTHER, X, False, "1.20"),
        settings=helm({}, "1.18.2"),
    ),
    case("a later patch does not", BLOCK, *at(OTHER, X, False, "1.19"), settings=helm({}, "1.19.5")),
    case("nor does it without policy-default-local-cluster", BLOCK, *at(OTHER, X, False, "1.19"), settings=OFF),
    *(
        case(
            f"a group on egress from 1.16, {title}",
            policy,
            *at(W, STRANGER, True, "1.15"),
            *at(W, P, True, "1.16"),
            *at(W, STRANGER, False, "1.16"),
        )
        for title, policy in {
            "of a namespace": cnp("shop", groups("egress", BY_NAME)),
            "clusterwide": ccnp(groups("egress", BY_NAME)),
            "in specs": cnp("shop", specs=[groups("egress", BY_NAME)]),
        }.items()
    ),
    case(
        "a group on ingress",
        cnp("shop", groups("ingress", BY_NAME)),
        *at(P, W, True, "1.15", "1.20"),
        *at(STRANGER, W, False, "1.15"),
    ),
    case(
        "a group that is denied on egress, from 1.16",
        cnp("shop", groups("egress", BY_NAME, deny=True)),
        *at(W, P, False, "1.16"),
        *at(W, STRANGER, True, "1.16"),
    ),
    case(
        "up to 1.15 it denies nothing",
        cnp("shop", {**groups("egress", BY_NAME, deny=True), "egress": [{"toEntities": ["all"]}]}),
        *at(W, P, True, "1.15"),
        *at(W, P, False, "1.16"),
    ),
    case(
        "on ingress neither",
        cnp("shop", {**groups("ingress", BY_NAME, deny=True), "ingress": [{"fromEntities": ["all"]}]}),
        *at(P, W, True, "1.15"),
        *at(P, W, False, "1.16"),
    ),
    case(
        "groups by label from 1.17",
        cnp("shop", groups("ingress", BY_LABEL)),
        *at(STRANGER, W, True, "1.16"),
        *at(P, W, True, "1.17"),
        *at(STRANGER, W, False, "1.17"),
    ),
    case(
        "a group with exceptions",
        cnp("shop", groups("ingress", {**BY_NAME, "except": ["203.0.113.128/25"]})),
        *at(P, W, True, "1.19"),
        *at("203.0.113.200", W, False, "1.19"),
    ),
]


@pytest.mark.parametrize("each", CASES, ids=lambda case: case.title)
def test_flows(each: Case) -> None:
    assert wrong(each) == []
