from __future__ import annotations

from typing import Any

import pytest

from rewriter.finding import Applicability, Severity
from rewriter.passes.rejected import find
from tests.passes.policies import ccnp, cnp
from tests.passes.support import Facts, Run, cluster, run


@pytest.mark.parametrize(
    ("rules", "before", "after"),
    [
        ("ingress: [{fromEntities: [cluster]}]", "1.15", "1.20"),
        ("ingress: [{}]", "1.15", "1.20"),
        # What other passes speak of.
        ("ingress: []", "1.16", "1.17"),
        ("ingress: []", "1.18", "1.19"),
        ("ingress: [{fromEndpoints: [{}], fromEntities: [host]}]", "1.18", "1.19"),
        ("egressDeny: [{toEntities: [world], toCIDR: [10.0.0.0/8]}]", "1.16", "1.17"),
        ("egress: [{toServices: [{k8sService: {serviceName: a}}], toPorts: [{ports: [{port: '1'}]}]}]", "1.16", "1.17"),
        ("ingress: [{fromRequires: [{matchLabels: {a: b}}]}]", "1.18", "1.19"),
        ("ingress: [{fromRequires: [{matchLabels: {a: b}}]}]", "1.19", "1.20"),
        ("ingress: [{fromCIDR: [198.51.100.7]}]", "1.19", "1.20"),
        ("ingress: [{toPorts: [{ports: [{port: '80', protocol: TCP}], rules: {l7: [{a: b}]}}]}]", "1.19", "1.20"),
        # What lies outside the upgrade.
        ("ingress: [{fromCIDRSet: [{cidr: 10.0.0.0/16, except: [10.0.0.0/8]}]}]", "1.18", "1.19"),
        ("ingress: [{fromEntities: [cluster-mesh]}]", "1.20", "1.20"),
        # What a placeholder decides.
        ("ingress: [{fromCIDRSet: [{cidr: '${A}'}, {cidr: '${B}/24', except: ['${C}/28']}]}]", "1.18", "1.20"),
        ("ingress: [{fromCIDRSet: [{cidr: '${A}/64'}, {cidr: '${B:=fd00::/8}'}]}]", "1.18", "1.20"),
        ("ingress: [{fromEntities: ['${ENTITY}']}]", "1.18", "1.20"),
        ("ingress: [{fromEndpoints: ['${A}'], toPorts: '${PORTS}'}]", "1.18", "1.20"),
        ("ingress: [{toPorts: [{ports: [{port: '${PORT}', protocol: '${PROTOCOL}'}]}]}]", "1.18", "1.20"),
        ("egress: [{toFQDNs: [{matchName: '${NAME}'}, {matchPattern: '*.${A_NAME:-${B}}'}]}]", "1.18", "1.20"),
        ("ingress: [{fromEndpoints: [{matchLabels: {'${KEY}/a': '${VALUE}-x', b: '${C}'}}]}]", "1.18", "1.20"),
    ],
)
def test_nothing_to_say(rules: str, before: str, after: str) -> None:
    assert run(find, cnp(rules), from_version=before, to_version=after).findings == []


@pytest.mark.parametrize(
    ("rules", "route", "words"),
    [
        ("ingress: [{fromEntities: [everyone]}]", "/spec/ingress/0/fromEntities/0", "unsupported entity: everyone"),
        ("ingress: [{fromCIDR: [10.0.0.0/33]}]", "/spec/ingress/0/fromCIDR/0", "unable to parse CIDR"),
        ("ingress: {}", "/spec/ingress", "json: cannot unmarshal object"),
        ("ingress: [{toPorts: [{ports: [{port: '80', protocol: HTTP}]}]}]", "/protocol", "invalid protocol"),
        # Beside what is another pass's, or what a placeholder decides.
        ("ingress: [{fromEndpoints: [{}], fromCIDR: [10.0.0.0/8]}, {fromEntities: [a]}]", "/ingress/1", "entity: a"),
        ("ingress: [{fromCIDRSet: [{cidr: '${A}'}]}, {fromEntities: [everyone]}]", "/ingress/1", "unsupported entity"),
        ("ingress: [{fromEndpoints: ['${A}', '${B}']}, {toPorts: [{ports: [true]}]}]", "/ports/0", "unmarshal bool"),
    ],
)
def test_what_nobody_enforces(rules: str, route: str, words: str) -> None:
    only = run(find, cnp(rules)).only
    assert (only.severity, only.applicability) == (Severity.ERROR, Applicability.MANUAL)
    assert route in only.route
    assert only.message.startswith("rejected: ")
    assert words in only.message
    assert "not enforced today" in only.why


def test_what_stops_being_enforced() -> None:
    rules = "ingress: [{fromCIDRSet: [{cidr: 10.0.0.0/16, except: [10.0.0.0/8]}]}]"
    only = run(find, cnp(rules), from_version="1.18", to_version="1.20").only
    assert only.severity is Severity.ERROR
    assert only.message.startswith("rejected from Cilium 1.20 on: ")
    assert only.why == (
        "the policy stops being enforced at 1.20: Cilium no longer denies ingress of pods app=web in shop by default"
    )


def test_what_wakes_up() -> None:
    rules = "ingress: [{toPorts: [{ports: [{port: '0', protocol: VRRP}]}]}]"
    only = run(find, cnp(rules), from_version="1.16", to_version="1.19").only
    assert only.severity is Severity.WARNING
    assert only.message.startswith("rejected before Cilium 1.18: ")
    assert (
        "the upgrade switches it on at 1.18, and Cilium denies ingress of pods app=web in shop by default" in only.why
    )


def test_a_later_release_may_accept_it() -> None:
    only = run(find, cnp("ingress: [{fromEntities: [cluster-mesh]}]")).only
    assert only.why.endswith("1.20 accepts it")


def _nodes(flag: bool | None, before: str = "1.18", after: str = "1.19") -> Run:
    own = Facts(clusters=[cluster("a", local=True, node_selector_labels=flag)])
    return run(find, ccnp("ingress: [{fromNodes: [{}]}]"), own, from_version=before, to_version=after)


def test_nodes_need_a_flag() -> None:
    assert _nodes(flag=True).findings == []
    off = _nodes(flag=False).only
    assert (off.severity, off.message[:10]) == (Severity.ERROR, "rejected: ")
    assert off.why == "the policy is not enforced today, and not on 1.19 either"
    assert "nodeSelectorLabels" in off.advice


def test_nodes_are_rejected_by_default_where_nobody_says() -> None:
    for unknown in (_nodes(flag=None).only, run(find, ccnp("ingress: [{fromNodes: [{}]}]")).only):
        assert unknown.severity is Severity.ERROR
        assert unknown.message.startswith("rejected by default: ")
        assert "it is unknown whether they do" in unknown.why
        assert "`node_selector_labels = true` in [[clusters]]" in unknown.advice


def test_nodes_are_not_read_before_1_16() -> None:
    assert _nodes(flag=False, before="1.15", after="1.16").only.message.startswith("rejected from Cilium 1.16 on: ")
    assert _nodes(flag=None, before="1.15", after="1.16").only.message.startswith("rejected from Cilium 1.16 on by def")
    assert _nodes(flag=None, before="1.15", after="1.15").findings == []


def _network_policy(spec: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": "p", "namespace": "shop"}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


def test_network_policies_as_the_api_server_checks_them() -> None:
    peer = {"podSelector": {}, "ipBlock": {"cidr": "10.0.0.0/8"}}
    only = run(find, _network_policy({"podSelector": {}, "ingress": [{"from": [peer]}]})).only
    assert "may not specify both ipBlock and another peer" in only.message
    assert (
        run(find, _network_policy({"podSelector": {}, "ingress": [{"from": [{"ipBlock": {"cidr": "${A}"}}]}]})).findings
        == []
    )


@pytest.mark.parametrize("spec", [None, 7, [], "text"])
def test_no_shape_of_input_is_too_strange(spec: object) -> None:
    manifest = {**cnp("ingress: []"), "spec": spec}
    assert len(run(find, manifest).findings) == 1
