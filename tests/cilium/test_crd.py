"""The API server's schemas: what they refuse, what they drop, and which field a misspelt one was meant to be."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from rewriter.cilium.crd.check import all_take, pruned, schema_problems, schema_state
from rewriter.cilium.crd.meaning import without_field
from rewriter.cilium.crd.near import distance, fields_meant
from rewriter.cilium.version import SUPPORTED, Version
from tests.cilium.vectors import selected_validation_entries, validation_entries

RELEASE = Version(1, 19)


def policy(spec: dict[str, Any], kind: str = "CiliumNetworkPolicy") -> dict[str, Any]:
    return {"apiVersion": "cilium.io/v2", "kind": kind, "metadata": {"name": "x"}, "spec": spec}


def with_egress(item: dict[str, Any]) -> dict[str, Any]:
    return policy({"endpointSelector": {}, "egress": [item]})


@pytest.mark.parametrize(
    ("item", "state", "route"),
    [
        ({"toEndpoints": [{}]}, "ok", ""),
        ({"toEndpoints": None, "toEntities": ["world"]}, "ok", ""),
        ({"toEndpoint": [{}]}, "pruned", "/spec/egress/0/toEndpoint"),
        ({"toEntities": ["World"]}, "strict", "/spec/egress/0/toEntities/0"),
        ({"toCIDR": ["198.51.100.7"]}, "strict", "/spec/egress/0/toCIDR/0"),
        ({"toPorts": [{"ports": [{"port": 80}]}]}, "strict", "/spec/egress/0/toPorts/0/ports/0/port"),
        ({"toFQDNs": [{"matchname": "a.b"}]}, "strict", "/spec/egress/0/toFQDNs/0/matchname"),
        ({"icmps": [{"fields": [{"family": "IPv4"}]}]}, "strict", "/spec/egress/0/icmps/0/fields/0"),
        ({"toEndpoints": [{"matchLabels": {"toPort": "x"}}]}, "ok", ""),
        ({"toEndpoints": {"matchLabels": {}}}, "strict", "/spec/egress/0/toEndpoints"),
    ],
)  # fmt: skip
def test_states(item: dict[str, Any], state: str, route: str) -> None:
    problems = schema_problems(with_egress(item), RELEASE)
    assert schema_state(problems) == state
    assert [problem.route for problem in problems][:1] == ([route] if route else [])


def test_releases_taken_together_take_what_each_of_them_takes() -> None:
    manifests = [
        entry["manifest"] for entry in selected_validation_entries() if isinstance(entry.get("manifest"), dict)
    ]
    taken = 0
    for old, new in pairwise(SUPPORTED):
        for manifest in manifests:
            both = not schema_problems(manifest, old) and not schema_problems(manifest, new)
            assert all_take((old, new), manifest) is both, manifest
            taken += both
    assert taken


def test_any_shape_of_input_gives_an_answer() -> None:
    shapes: list[Any] = [None, 1, "x", [], [[]], {}, {"x": 1}, True]
    for value in shapes:
        for version in SUPPORTED:
            schema_problems(value, version)
            for name in ("spec", "specs", "metadata"):
                made = {"apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy", "metadata": {}, name: value}
                schema_problems(made, version)
                pruned(made, version)


def test_recorded_policies_that_are_fine_are_fine_here() -> None:
    """What every release accepts and nobody would call odd: the first of the recorded entries."""
    plain = [entry for entry in validation_entries() if entry["name"] in ("ok-plain", "toServices", "http", "icmps")]
    assert plain
    for entry in plain:
        for version in SUPPORTED[1:]:
            assert schema_problems(entry["manifest"], version) == (), entry["name"]


def test_pruned_keeps_routes() -> None:
    manifest = with_egress({"toEndpoint": [{}], "toEntities": ["world"]})
    assert pruned(manifest, RELEASE)["spec"]["egress"] == [{"toEntities": ["world"]}]


@pytest.mark.parametrize(
    ("written", "field", "near"),
    [
        ("toPort", "toPorts", True),
        ("to_ports", "toPorts", True),
        ("matchname", "matchName", True),
        ("toEntities", "fromEntities", True),
        ("auth", "authentication", True),
        ("fromEndpoint", "fromEndpoints", True),
        ("cidr", "toCIDR", True),
        ("toCIDR", "toFQDNs", False),
        ("fromEndpoints", "fromEntities", False),
        ("podSelector", "nodeSelector", False),
        ("podSelector", "endpointSelector", True),
        ("from", "fromEndpoints", True),
        ("to", "fromEndpoints", False),
        ("port", "protocol", False),
    ],
)
def test_near_names(written: str, field: str, near: bool) -> None:
    assert (distance(written, field) is not None) is near


def test_the_same_mapping_ranks_before_another_level() -> None:
    manifest = policy({"endpointSelector": {}, "ingress": [{"toEntities": ["world"]}]})
    (problem,) = schema_problems(manifest, RELEASE)
    (meant,) = fields_meant(problem, manifest, RELEASE)
    assert (meant.route, meant.moves) == ("/spec/ingress/0/fromEntities", False)


def test_a_field_in_one_of_several_entries_moves_nowhere() -> None:
    """It would hold for the others as well."""
    ports = [{"ports": [{"port": "53"}]}]
    one = with_egress({"toEndpoints": [{"matchLabels": {"a": "b"}, "toPorts": ports}]})
    two = with_egress({"toEndpoints": [{"matchLabels": {"a": "b"}, "toPorts": ports}, {"matchLabels": {"c": "d"}}]})
    assert [meant.route for meant in fields_meant(schema_problems(one, RELEASE)[0], one, RELEASE)] == [
        "/spec/egress/0/toPorts"
    ]
    assert fields_meant(schema_problems(two, RELEASE)[0], two, RELEASE) == ()


def test_a_long_name_that_is_none_is_refused_at_once() -> None:
    name = "a" * 200 + "!"
    found = schema_problems(with_egress({"toFQDNs": [{"matchName": name}, {"matchPattern": name}]}), RELEASE)
    assert [each.route for each in found] == [
        "/spec/egress/0/toFQDNs/0/matchName",
        "/spec/egress/0/toFQDNs/1/matchPattern",
    ]


def network_policy(spec: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "x"},
        "spec": spec,
        **more,
    }


@pytest.mark.parametrize(
    ("manifest", "meaning"),
    [
        (with_egress({"toCIDRSet": [{"cidr": "10.0.0.0/8", "excepts": ["10.1.0.0/16"]}]}), "without exceptions"),
        (
            with_egress({"toPorts": [{"ports": [{"port": "443"}], "serverName": ["a.b"]}]}),
            "every TLS server name is allowed",
        ),
        (with_egress({"toPorts": [{"ports": [{"port": "80", "rules": {"http": []}}]}]}), "every request"),
        (with_egress({"toServices": [{"serviceName": "db"}]}), "names no Service"),
        (policy({"endpointSelector": {"app": "x"}, "egress": [{}]}), "selects every pod of the namespace"),
        ({**policy({"endpointSelector": {}}), "ingress": [{}]}, "left without `ingress` rules"),
        (network_policy({"podSelector": {}}, ingress=[{}]), "denies all ingress"),
        (network_policy({"endpointSelector": {}}), "the policy selects every pod of the namespace"),
        (network_policy({"podSelector": {}, "policyType": ["Egress"], "egress": []}), "restricts ingress"),
        (
            network_policy({"podSelector": {}, "ingress": [{"from": [{"namespaceSelector": {"name": "x"}}]}]}),
            "`namespaceSelector` is left empty and selects every namespace",
        ),
    ],
)
def test_what_is_left_without_an_unknown_field(manifest: dict[str, Any], meaning: str) -> None:
    [problem] = [each for each in schema_problems(manifest, RELEASE) if each.unknown]
    assert meaning in without_field(manifest, RELEASE, problem)


@pytest.mark.parametrize(("port", "meaning"), [("80", "only the port 80 is meant"), ({"a": "b"}, ""), (True, "")])
def test_an_end_port_beside_what_is_no_port_says_nothing_of_it(port: Any, meaning: str) -> None:
    manifest = with_egress({"toPorts": [{"ports": [{"port": port, "endPort": 90}]}]})
    [problem] = [each for each in schema_problems(manifest, Version(1, 15)) if each.unknown]
    assert without_field(manifest, Version(1, 15), problem) == meaning


def test_a_rule_of_a_network_policy_may_be_null() -> None:
    """The API server's own types take null for an item without fields; a CRD does not."""
    assert schema_problems(network_policy({"podSelector": {}, "ingress": [None]}), RELEASE) == ()
    assert schema_state(schema_problems(policy({"endpointSelector": {}, "ingress": [None]}), RELEASE)) == "strict"


PODS: dict[str, Any] = {"podSelector": {}, "namespaceSelector": {}}
TCP: dict[str, Any] = {"tcp": {"destinationPort": {"number": 80}}}
NAMED = {"destinationNamedPort": "http"}


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"action": "Deny", "to": [{"networks": ["10.0.0.0/8"]}]}, ""),
        ({"action": "deny", "to": [{"networks": ["10.0.0.0/8"]}]}, "Unsupported value"),
        ({"action": "Deny", "to": []}, "at least 1 items"),
        ({"action": "Deny", "to": [{"networks": ["10.0.0.1"]}]}, "Invalid CIDR format provided"),
        ({"action": "Deny", "to": [{"networks": ["::ffff:10.0.0.0/104"]}]}, "Invalid CIDR format provided"),
        ({"action": "Deny", "to": [{"networks": ["10.0.0.0/8", "10.0.0.0/8"]}]}, "Duplicate value"),
        ({"action": "Accept", "to": [{"domainNames": ["a.example", "a.example"]}]}, "Duplicate value"),
        *(
            ({"action": "Accept", "to": [{"pods": PODS}, peer], "protocols": [TCP, NAMED]}, words)
            for peer, words in (
                ({"networks": ["10.0.0.0/8"]}, "there are no namedPorts for networks/nodes/domainNames"),
                ({"nodes": {}}, "there are no namedPorts for networks/nodes/domainNames"),
                ({"domainNames": ["a.example"]}, "there are no namedPorts for networks/nodes/domainNames"),
                ({"namespaces": {}}, ""),
            )
        ),
        ({"action": "Accept", "to": [{"networks": ["10.0.0.0/8"]}], "protocols": [TCP]}, ""),
        ({"action": "Deny", "to": [{"pods": {"podSelector": {}}, "namespaces": {}}]}, "exactly one of"),
        ({"action": "Deny", "to": [{"pods": {}}]}, "podSelector: Required value"),
        (
            {
                "action": "Deny",
                "to": [{"namespaces": {}}],
                "protocols": [{"tcp": {"destinationPort": {"range": {"start": 90, "end": 80}}}}],
            },
            "start must be less than end",
        ),
        ({"action": "Accept", "to": [{"domainNames": ["*.example.com"]}]}, ""),
        ({"action": "Accept", "to": [{"domainNames": ["example.*"]}]}, "must match a DNS name"),
    ],
)
def test_cluster_network_policies(rule: dict[str, Any], words: str) -> None:
    manifest = {
        "apiVersion": "policy.networking.k8s.io/v1alpha2",
        "kind": "ClusterNetworkPolicy",
        "metadata": {"name": "x"},
        "spec": {"tier": "Admin", "priority": 1, "subject": {"namespaces": {}}, "egress": [rule]},
    }
    problems = schema_problems(manifest, RELEASE)
    assert [words in each.message for each in problems] == ([True] if words else [])


def test_a_port_name_stands_beside_any_peer_of_ingress() -> None:
    """The validation rule is one of egress: peers of ingress are pods."""
    rule = {"action": "Accept", "from": [{"pods": PODS}], "protocols": [NAMED]}
    manifest = {
        "apiVersion": "policy.networking.k8s.io/v1alpha2",
        "kind": "ClusterNetworkPolicy",
        "metadata": {"name": "x"},
        "spec": {"tier": "Admin", "priority": 1, "subject": {"namespaces": {}}, "ingress": [rule]},
    }
    assert schema_problems(manifest, RELEASE) == ()
