"""ClusterNetworkPolicies: tiers, priorities and Pass, where the agents read them (1.20, off by default)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.support import cnpfix
from tests.semantics.repository import (
    WEB,
    Case,
    Flow,
    Manifest,
    app,
    cnp,
    config_map,
    helm,
    knp,
    namespace,
    text,
    wrong,
)

APPS = [
    namespace("shop", tenant="shop"),
    namespace("lab", tenant="lab"),
    app("shop/web", ("http", 8080, "TCP")),
    app("shop/api", ("http", 9000, "TCP")),
    app("lab/x"),
    app("lab/agent", host_network=True),
]
W, API, X = "shop/web", "shop/api", "lab/x"
ON = helm({"k8sClusterNetworkPolicy": {"enabled": True}}, "1.20.1")
SHOP = {"namespaces": {"matchLabels": {"tenant": "shop"}}}
LAB = {"namespaces": {"matchLabels": {"tenant": "lab"}}}
EVERY_POD: Manifest = {"namespaces": {}}
HTTP = {"tcp": {"destinationPort": {"number": 80}}}


def tier(
    name: str, *rules: Manifest, priority: int = 10, subject: Manifest = SHOP, direction: str = "ingress"
) -> Manifest:
    spec = {"tier": name, "priority": priority, "subject": subject, direction: list(rules)}
    metadata = {"name": f"{name.lower()}-{priority}"}
    return {
        "apiVersion": "policy.networking.k8s.io/v1alpha2",
        "kind": "ClusterNetworkPolicy",
        "metadata": metadata,
        "spec": spec,
    }


def rule(action: str, *peers: Manifest, egress: bool = False, protocols: list[Any] | None = None) -> Manifest:
    found: Manifest = {"action": action, "to" if egress else "from": list(peers)}
    return found if protocols is None else {**found, "protocols": protocols}


SHUT = cnp("shop", {"endpointSelector": WEB, "ingress": [{}]})
OPEN = cnp("shop", {"endpointSelector": WEB, "ingress": [{"fromEntities": ["all"]}]})
DENY = cnp("shop", {"endpointSelector": WEB, "ingressDeny": [{"fromEntities": ["all"]}]})


def case(title: str, policies: list[Manifest], *flows: Flow, settings: Manifest | None = ON) -> Case:
    files = {"apps.yaml": APPS, "policy.yaml": policies}
    return Case(title, {**files, **({} if settings is None else {"infra/cilium.yaml": [settings]})}, flows)


def at(source: str, destination: str, passes: bool, port: str = "80/TCP", release: str = "1.20") -> Flow:
    return source, destination, port, release, passes


CASES = [
    case(
        "Admin accepts what a policy denies",
        [tier("Admin", rule("Accept", LAB)), DENY],
        at(X, W, True),
        at(API, W, False),
    ),
    case(
        "Admin denies what a policy allows", [tier("Admin", rule("Deny", LAB)), OPEN], at(X, W, False), at(API, W, True)
    ),
    case("Admin denies where no policy is", [tier("Admin", rule("Deny", LAB))], at(X, API, False), at(W, API, True)),
    case(
        "no rule puts a pod into default deny",
        [tier("Admin", rule("Accept", LAB))],
        at(API, W, True),
        at("world", W, True),
    ),
    case(
        "the first rule counts",
        [tier("Admin", rule("Accept", LAB, protocols=[HTTP]), rule("Deny", EVERY_POD))],
        at(X, W, True),
        at(X, W, False, "81/TCP"),
        at("world", W, True),
    ),
    case(
        "the lower priority counts first",
        [tier("Admin", rule("Deny", LAB), priority=20), tier("Admin", rule("Accept", LAB), priority=5)],
        at(X, W, True),
    ),
    case(
        "at one priority Deny counts first",
        [tier("Admin", rule("Accept", LAB)), {**tier("Admin", rule("Deny", LAB)), "metadata": {"name": "other"}}],
        at(X, W, False),
    ),
    case(
        "Pass leaves it to the policies",
        [tier("Admin", rule("Pass", LAB), rule("Deny", EVERY_POD)), OPEN],
        at(X, W, True),
        at(API, W, False),
        at(X, API, True),
    ),
    case("Pass and a default deny", [tier("Admin", rule("Pass", LAB)), SHUT], at(X, W, False)),
    case("Pass and Baseline", [tier("Admin", rule("Pass", LAB)), tier("Baseline", rule("Deny", LAB))], at(X, W, False)),
    case(
        "Baseline comes after what a policy allows",
        [tier("Baseline", rule("Deny", LAB)), OPEN],
        at(X, W, True),
        at(X, API, False),
    ),
    case("and after what it denies", [tier("Baseline", rule("Accept", LAB)), DENY], at(X, W, False)),
    case(
        "after a NetworkPolicy too",
        [tier("Admin", rule("Accept", LAB)), knp("shop", {"podSelector": {}})],
        at(X, W, True),
        at(API, W, False),
    ),
    case(
        "addresses on egress, of no pod",
        [tier("Admin", rule("Deny", {"networks": ["10.0.0.0/8"]}, egress=True), direction="egress")],
        at(W, "10.1.1.1", False),
        at(W, "11.1.1.1", True),
        at(W, X, True),
    ),
    case(
        "ports: a range, a name, a whole protocol",
        [
            tier(
                "Admin",
                rule("Deny", LAB, protocols=[{"tcp": {"destinationPort": {"range": {"start": 80, "end": 90}}}}]),
                rule("Deny", LAB, protocols=[{"destinationNamedPort": "http"}]),
                rule("Deny", LAB, protocols=[{"udp": {}}]),
            )
        ],
        at(X, W, False, "85/TCP"),
        at(X, W, True, "91/TCP"),
        at(X, W, False, "8080/TCP"),
        at(X, API, True, "8080/TCP"),
        at(X, W, False, "5353/UDP"),
    ),
    case(
        "pods of a namespace",
        [
            tier(
                "Admin",
                rule("Deny", {"pods": {"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "x"}}}}),
                subject={"pods": {"namespaceSelector": SHOP["namespaces"], "podSelector": WEB}},
            )
        ],
        at(X, W, False),
        at(X, API, True),
        at(API, W, True),
    ),
    case(
        "a peer that the release does not know, accepted",
        [tier("Admin", rule("Accept", {"pets": {}})), SHUT],
        at(X, W, False),
    ),
    case("a peer that the release does not know, denied", [tier("Admin", rule("Deny", {"pets": {}}))], at(X, W, False)),
    case(
        "nodes without their labels reject the policy",
        [tier("Admin", rule("Deny", {"nodes": {}}, egress=True), rule("Deny", LAB, egress=True), direction="egress")],
        at(W, X, True),
    ),
    case("not up to 1.19", [tier("Admin", rule("Deny", LAB))], at(X, W, True, release="1.19")),
    case("not unless it is enabled", [tier("Admin", rule("Deny", LAB))], at(X, W, True), settings=None),
    case(
        "by the agents' option",
        [tier("Admin", rule("Deny", LAB))],
        at(X, W, False),
        settings=config_map({"enable-k8s-cluster-network-policy": "true"}),
    ),
    case(
        "not where nothing is enforced",
        [tier("Admin", rule("Deny", LAB))],
        at(X, W, True),
        settings=helm({"k8sClusterNetworkPolicy": {"enabled": True}, "policyEnforcementMode": "never"}),
    ),
    case(
        "AdminNetworkPolicy never was read",
        [
            {
                **tier("Admin", rule("Deny", LAB)),
                "kind": "AdminNetworkPolicy",
                "apiVersion": "policy.networking.k8s.io/v1alpha1",
            }
        ],
        at(X, W, True),
    ),
    case(
        "pods on the host network are no subject",
        [tier("Admin", rule("Deny", EVERY_POD), subject=LAB)],
        at(W, "lab/agent", True),
        at(W, X, False),
    ),
]


@pytest.mark.parametrize("each", CASES, ids=lambda case: case.title)
def test_flows(each: Case) -> None:
    assert wrong(each) == []


ACCEPTED = {"1.18": False, "1.19": False, "1.20": True}
NODES = tier("Admin", rule("Accept", {"nodes": {}}, egress=True), direction="egress")
NAMES = tier("Admin", rule("Deny", {"domainNames": ["example.com"]}, egress=True), direction="egress")


@pytest.mark.parametrize(
    ("policy", "settings", "accepted", "error"),
    [
        (tier("Admin", rule("Deny", LAB)), ON, ACCEPTED, ""),
        (tier("Admin", rule("Deny", LAB)), None, dict.fromkeys(ACCEPTED, False), "k8sClusterNetworkPolicy.enabled"),
        (NODES, ON, dict.fromkeys(ACCEPTED, False), "node selector labels"),
        (NAMES, ON, dict.fromkeys(ACCEPTED, False), "only supported for egress.action=Accept"),
    ],
)
def test_validate(
    policy: Manifest,
    settings: Manifest | None,
    accepted: dict[str, bool],
    error: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policy.yaml").write_text(text([policy]))
    if settings is not None:
        (tmp_path / "cilium.yaml").write_text(text([settings]))
    done = cnpfix("validate", "--format", "json", "--versions", ",".join(accepted), "--to", "1.20", ".")
    (row,) = json.loads(done.out)
    assert (row["kind"], row["accepted"]) == ("ClusterNetworkPolicy", accepted)
    assert error in row["errors"].get("1.20", "")
    assert "from Cilium 1.20 on" in row["errors"]["1.19"]
