from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from rewriter.cilium.policy import read_policy
from rewriter.config.model import Config
from rewriter.evidence.context import Context
from rewriter.passes.kit.changes.coverage import add_after, remove_entries, replace_rule, sibling, uncovered_rules
from tests.passes.support import Facts, cluster, version

POLICY = """
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: p, namespace: shop}
spec:
  endpointSelector: {}
"""
PORTS = "toPorts: [{ports: [{port: '80', protocol: TCP}]}]"
MESH = Facts(clusters=(cluster("a", local=True), cluster("b")))


def context(rules: str, *, kind: str = "", to_version: str = "1.19") -> Context:
    manifest = yaml.safe_load(kind or POLICY)
    manifest["spec"] |= yaml.safe_load(rules)
    return Context(
        policy=read_policy(manifest),
        path="p.yaml",
        cluster=MESH.clusters[0],
        inventory=MESH,
        config=Config(root=Path()),
        from_version=version("1.18"),
        to_version=version(to_version),
    )


def test_a_sibling_keeps_ports_and_authentication_in_the_order_of_its_original() -> None:
    [rule] = context(
        "egress: [{toPorts: [{ports: [{port: '1'}]}], toCIDR: [10.0.0.0/8], authentication: {mode: required}}]"
    ).policy.rules()
    new = sibling(rule, {"toEntities": ["cluster"]})
    assert list(new) == ["toPorts", "toEntities", "authentication"]
    assert new["toPorts"] == rule.raw["toPorts"]
    assert new["toPorts"] is not rule.raw["toPorts"]


def test_a_sibling_with_other_peers_too_has_them_where_the_original_has_its_own() -> None:
    [rule] = context("ingress: [{icmps: [{fields: [{type: 8}]}], fromCIDR: [10.0.0.0/8]}]").policy.rules()
    assert list(sibling(rule, {"fromEntities": ["cluster"]})) == ["icmps", "fromEntities"]


def test_a_sibling_of_a_rule_without_peers_starts_with_its_own() -> None:
    [rule] = context("ingress: [{icmps: [{fields: [{type: 8}]}]}]").policy.rules()
    assert list(sibling(rule, {"fromEntities": ["cluster"]})) == ["fromEntities", "icmps"]


def test_operations_keep_order_and_never_shift_what_follows() -> None:
    _, rule = context("ingress: [{fromCIDR: [10.0.0.0/8]}, {fromCIDR: [10.1.0.0/16]}]").policy.rules()
    first, second = {"fromEntities": ["cluster"]}, {"fromEntities": ["host"]}
    assert [o["path"] for o in add_after(rule, [first, second])] == ["/spec/ingress/2", "/spec/ingress/3"]
    assert [(o["op"], o["path"]) for o in replace_rule(rule, [first, second])] == [
        ("replace", "/spec/ingress/1"),
        ("add", "/spec/ingress/2"),
    ]
    assert replace_rule(rule, []) == ({"op": "remove", "path": "/spec/ingress/1"},)
    assert [o["path"] for o in remove_entries("/x", [0, 2, 2])] == ["/x/2", "/x/0"]


ANY_POD = "{matchExpressions: [{key: io.kubernetes.pod.namespace, operator: Exists}]}"
OF_B = (
    "{matchExpressions: [{key: io.kubernetes.pod.namespace, operator: Exists},"
    " {key: io.cilium.k8s.policy.cluster, operator: In, values: [b]}]}"
)


@pytest.mark.parametrize(
    ("other", "wanted", "there"),
    [
        ("fromEntities: [cluster]", "fromEntities: [cluster]", True),
        ("fromEntities: [all]", "fromEntities: [cluster]", True),
        ("fromEntities: [world]", "fromEntities: [cluster]", False),
        ("fromEntities: [host]", "fromEntities: [cluster]", False),
        (f"fromEndpoints: [{ANY_POD}]", "fromEndpoints: [{}]", True),
        ("fromEndpoints: [{}]", f"fromEndpoints: [{ANY_POD}]", False),
        ("fromEndpoints: [{matchLabels: {app: x}}]", "fromEndpoints: [{matchLabels: {app: x, a: b}}]", True),
        ("fromEndpoints: [{matchLabels: {app: x}}]", "fromEndpoints: [{matchLabels: {app: y}}]", False),
        # With policy-default-local-cluster a selector without a cluster is local: not wider than one of cluster b.
        (f"fromEndpoints: [{ANY_POD}]", f"fromEndpoints: [{OF_B}]", False),
        ("fromEntities: [cluster]", f"fromEndpoints: [{ANY_POD}]", True),
        ("fromCIDR: [10.0.0.0/8]", "fromCIDR: [10.1.0.0/16]", True),
        ("fromCIDRSet: [{cidr: 10.0.0.0/8, except: [10.1.0.0/24]}]", "fromCIDR: [10.1.0.0/16]", False),
        ("fromCIDR: [10.0.0.0/8]", "fromEntities: [cluster]", False),
        ("fromEntities: [cluster]", "fromCIDR: [10.0.0.0/8]", False),
        # A rule that allows nothing covers nothing, and one that the release rejects neither.
        ("{fromEntities: [all], toPorts: [{}]}", "fromEntities: [cluster]", False),
        ("{fromEntities: [all], fromCIDR: [10.0.0.0/8]}", "fromEntities: [cluster]", False),
    ],
)
def test_peers_are_there_already(other: str, wanted: str, there: bool) -> None:
    other = other if other.startswith("{") else f"{{{other}}}"
    known = context(f"ingress: [{{fromCIDR: [192.0.2.0/24]}}, {other}]")
    rule = next(known.policy.rules())
    assert (uncovered_rules(known, rule, [yaml.safe_load(f"{{{wanted}}}")]) == []) is there


@pytest.mark.parametrize(
    ("other", "wanted", "there"),
    [
        ("{key: a, operator: NotIn, values: [x]}", "{key: a, operator: NotIn, values: [x, y]}", True),
        ("{key: a, operator: NotIn, values: [x, y]}", "{key: a, operator: NotIn, values: [x]}", False),
        ("{key: a, operator: NotIn, values: [x]}", "{key: a, operator: In, values: [y]}", True),
        ("{key: a, operator: NotIn, values: [x]}", "{key: a, operator: In, values: [x, y]}", False),
        ("{key: a, operator: NotIn, values: [x]}", "{key: a, operator: DoesNotExist}", True),
        ("{key: a, operator: NotIn, values: [x]}", "{key: a, operator: Exists}", False),
        ("{key: a, operator: DoesNotExist}", "{key: a, operator: DoesNotExist}", True),
        ("{key: a, operator: DoesNotExist}", "{key: a, operator: NotIn, values: [x]}", False),
        ("{key: a, operator: DoesNotExist}", "{key: a, operator: Exists}", False),
        ("{key: a, operator: Exists}", "{key: a, operator: In, values: [x]}", True),
        ("{key: a, operator: Exists}", "{key: a, operator: NotIn, values: [x]}", False),
        ("{key: a, operator: In, values: [x, y]}", "{key: a, operator: In, values: [x]}", True),
        ("{key: a, operator: In, values: [x]}", "{key: a, operator: In, values: [x, y]}", False),
        ("{key: b, operator: In, values: [x]}", "{key: a, operator: In, values: [x]}", False),
    ],
)
def test_conditions_are_there_already(other: str, wanted: str, there: bool) -> None:
    """A pod that meets the wanted condition must meet the other one."""
    known = context(f"ingress: [{{fromCIDR: [192.0.2.0/24]}}, {{fromEndpoints: [{{matchExpressions: [{other}]}}]}}]")
    rule = next(known.policy.rules())
    new = yaml.safe_load(f"{{fromEndpoints: [{{matchExpressions: [{wanted}]}}]}}")
    assert (uncovered_rules(known, rule, [new]) == []) is there


@pytest.mark.parametrize(
    ("other", "wanted", "there"),
    [
        ("", "{ports: [{port: '80', protocol: TCP}]}", True),
        ("{ports: [{port: '80'}]}", "{ports: [{port: '80', protocol: TCP}]}", True),
        ("{ports: [{port: '80', protocol: TCP}]}", "{ports: [{port: '80'}]}", False),
        ("{ports: [{port: '80', protocol: UDP}]}", "{ports: [{port: '80', protocol: TCP}]}", False),
        ("{ports: [{port: '1', endPort: 99, protocol: TCP}]}", "{ports: [{port: '80', protocol: TCP}]}", True),
        ("{ports: [{port: '0', protocol: TCP}]}", "{ports: [{port: http, protocol: TCP}]}", True),
        ("{ports: [{port: '80', protocol: TCP}]}", "{ports: [{port: http, protocol: TCP}]}", False),
        ("{ports: [{port: http, protocol: TCP}]}", "{ports: [{port: http, protocol: TCP}]}", True),
        (
            "{ports: [{port: '80', protocol: TCP}], rules: {http: [{method: GET}]}}",
            "{ports: [{port: '80', protocol: TCP}]}",
            False,
        ),
        (
            "{ports: [{port: '80', protocol: TCP}]}",
            "{ports: [{port: '80', protocol: TCP}], rules: {http: [{method: GET}]}}",
            True,
        ),
    ],
)
def test_ports_are_there_already(other: str, wanted: str, there: bool) -> None:
    ports = f", toPorts: [{other}]" if other else ""
    known = context(f"ingress: [{{fromCIDR: [192.0.2.0/24]}}, {{fromEntities: [cluster]{ports}}}]")
    new: dict[str, Any] = {"fromEntities": ["cluster"], "toPorts": [yaml.safe_load(wanted)]}
    assert (uncovered_rules(known, next(known.policy.rules()), [new]) == []) is there


def test_a_rule_is_not_there_because_of_itself_nor_of_another_list() -> None:
    known = context("{ingress: [{fromEntities: [cluster]}], ingressDeny: [{fromEntities: [cluster]}]}")
    first = next(known.policy.rules())
    assert uncovered_rules(known, first, [{"fromEntities": ["cluster"]}]) != []


def test_network_policy_peers_are_compared_too() -> None:
    known = context(
        "{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}}]}, {from: [{namespaceSelector: {}}]}]}",
        kind="{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p, namespace: shop}, spec: {}}",
    )
    first = next(known.policy.rules())
    assert (
        uncovered_rules(
            known, first, [{"from": [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"a": "b"}}}]}]
        )
        == []
    )
    assert uncovered_rules(known, first, [{"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}]) != []


def test_a_sibling_that_allows_nothing_is_not_added_twice() -> None:
    nothing = {"fromEndpoints": [{}], "toPorts": [{"ports": []}]}
    known = context("{ingress: [{fromEntities: [cluster]}, {fromEndpoints: [{}], toPorts: [{ports: []}]}]}")
    assert uncovered_rules(known, next(known.policy.rules()), [nothing]) == []
