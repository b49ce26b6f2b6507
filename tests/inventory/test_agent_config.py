"""What the agents' options say, by their names in the ConfigMap and as Helm values set them."""

from __future__ import annotations

from typing import Any

import pytest

from rewriter.inventory.cilium.agent_config import agent_settings, chart_options


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({}, {}),
        ({"policy-audit-mode": "true"}, {"audit": True}),
        ({"policy-audit-mode": True}, {"audit": True}),
        ({"policy-audit-mode": "0"}, {"audit": False}),
        ({"policy-audit-mode": "maybe"}, {}),
        ({"enable-policy": "Never"}, {"enforcement": "never"}),
        ({"enable-policy": "sometimes"}, {}),
        ({"policy-cidr-match-mode": ""}, {"cidr_match_nodes": False}),
        ({"policy-cidr-match-mode": "nodes,pods"}, {"cidr_match_nodes": True, "cidr_match_pods": True}),
        ({"policy-cidr-match-mode": ["pods"]}, {"cidr_match_nodes": False, "cidr_match_pods": True}),
        ({"labels": "app, !version\nzone"}, {"identity_labels": ("app", "!version", "zone")}),
        ({"labels": ""}, {"identity_labels": ()}),
        ({"node-labels": "rack"}, {"node_labels": ("rack",)}),
        # What somebody fills in later tells nothing.
        ({"enable-policy": "${MODE}", "labels": "${LABELS}"}, {}),
    ],
)
def test_options(options: dict[str, Any], found: dict[str, Any]) -> None:
    assert agent_settings(options) == found


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({}, {}),
        ({"hostFirewall": {"enabled": True}}, {"host_firewall": True}),
        ({"authentication": {"enabled": False}}, {"mutual_authentication": False}),
        ({"authentication": {"mutual": {"spire": {"enabled": True}}}}, {}),
        ({"extraConfig": {"mesh-auth-enabled": "true"}}, {"mutual_authentication": True}),
        ({"hostFirewall": None, "clustermesh": []}, {}),
        ({"k8sClusterNetworkPolicy": {"enabled": True}}, {"cluster_network_policies": True}),
        # extraConfig goes before the chart's own values, and the agents' arguments before both.
        ({"policyAuditMode": True, "extraConfig": {"policy-audit-mode": "false"}}, {"audit": False}),
        (
            {"extraConfig": {"enable-policy": "never"}, "extraArgs": ["--enable-policy=always"]},
            {"enforcement": "always"},
        ),
        ({"extraArgs": ["--policy-audit-mode", "policy", 3]}, {"audit": True}),
        ({"policyEnforcementMode": "always", "extraConfig": {"enable-policy": None}}, {"enforcement": "always"}),
    ],
)
def test_values_of_the_chart(values: dict[str, Any], found: dict[str, Any]) -> None:
    assert agent_settings(chart_options(values)) == found
