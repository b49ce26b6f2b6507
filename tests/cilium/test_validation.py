from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rewriter.cilium.policy_set import compile_policies
from rewriter.cilium.settings import AgentFlags, Settings
from rewriter.cilium.validation import rejection
from rewriter.cilium.version import SUPPORTED, Version, parse_version
from tests.cilium.vectors import validation_entries, verdict_cases

LATEST = Version(1, 20)


def same_message(ours: str, recorded: str) -> bool:
    """Go names the two combined fields in random order."""

    def sorted_pair(match: re.Match[str]) -> str:
        return f"{match[1]} {sorted((match[2], match[3]))}"

    pattern = r"([Cc]ombining) (\S+) and (\S+)"
    return re.sub(pattern, sorted_pair, ours) == re.sub(pattern, sorted_pair, recorded)


def policy(kind: str = "CiliumNetworkPolicy", **spec: Any) -> dict[str, Any]:
    spec.setdefault("endpointSelector", {})
    return {"apiVersion": "cilium.io/v2", "kind": kind, "metadata": {"name": "p", "namespace": "shop"}, "spec": spec}


def network_policy(**spec: Any) -> dict[str, Any]:
    metadata = {"name": "p", "namespace": "shop"}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata,
        "spec": {"podSelector": {}, **spec},
    }


def ports(*items: Any, **more: Any) -> dict[str, Any]:
    return {"toPorts": [{"ports": list(items), **more}]}


def reason(manifest: Any, version: Version = LATEST) -> str | None:
    found = rejection(manifest, version)
    return found.message.removeprefix("Invalid CiliumNetworkPolicy spec: ") if found else None


def test_agrees_with_recorded_entries() -> None:
    wrong = []
    for entry in validation_entries():
        for text, accepted in entry["accepted"].items():
            found = rejection(entry["manifest"], parse_version(text))
            recorded = entry["error"].get(text, "")
            if (found is None) != accepted or (found and not same_message(found.message, recorded)):
                wrong.append((entry["name"], text, found))
    assert wrong == []


@pytest.mark.parametrize("version", ["1.19", "1.20"])
def test_agrees_with_recorded_cases(version: str) -> None:
    wrong = []
    for case in verdict_cases():
        for entry in case["policies"]:
            found = rejection(entry["manifest"], parse_version(version))
            agrees = (found is None) == entry["accepted"]
            if not agrees or (found and not same_message(found.message, entry["error"])):
                wrong.append((case["id"], found))
    assert wrong == []


ACCEPTED_EVERYWHERE = [
    policy(ingress=[{}]),
    policy(ingress=[None]),
    policy(ingress=[{"fromEndpoints": [None]}]),
    policy(ingress=[{"fromEndpoints": [{"matchLabels": {"k8s:app.kubernetes.io/name": "web"}}]}]),
    policy(ingress=[{"fromEndpoints": [{"matchLabels": {"reserved:host": None}}]}]),
    policy(ingress=[ports({"port": "010", "protocol": "udp"})]),
    policy(ingress=[ports({"port": "1_000"})]),
    policy(ingress=[ports({"port": "HTTP"})]),
    policy(ingress=[{"fromCIDRSet": [{"cidr": "::ffff:10.0.0.0/104", "except": ["::ffff:10.1.0.0/112"]}]}]),
    policy(ingress=[ports({"port": "80", "protocol": "tcp"}, rules={"http": [{"path": "/a.*", "method": "GET|PUT"}]})]),
    policy(ingress=[ports({"port": "80", "protocol": "TCP"}, rules={"l7proto": "x"})]),
    policy(egress=[{"toGroups": [{"aws": {"labels": {"a": "b"}}}]}]),
    policy(description="says what it is", ingress=[{}], labels=["a=b"]),
    policy(kind="CiliumClusterwideNetworkPolicy", ingress=[{"fromEntities": ["all"]}]),
    network_policy(ingress=[]),
    network_policy(egress=[{"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}}]}]),
    network_policy(ingress=[{"ports": [{"port": 80, "endPort": 90}, {"port": "http", "protocol": "UDP"}, {}]}]),
]


@pytest.mark.parametrize("manifest", ACCEPTED_EVERYWHERE)
def test_accepted_everywhere(manifest: dict[str, Any]) -> None:
    assert [rejection(manifest, version) for version in SUPPORTED] == [None] * len(SUPPORTED)


REJECTED_EVERYWHERE = [
    (policy(ingress={}), "json: cannot unmarshal object into Go struct field CiliumNetworkPolicy.spec.ingress of "
     "type []api.IngressRule", "/spec/ingress"),
    (policy(ingress=["x"]), "json: cannot unmarshal string into CiliumNetworkPolicy.spec.ingress.0 of type "
     "api.IngressRule", "/spec/ingress/0"),
    (policy(ingress=[{"fromEndpoints": [{"matchLabels": {"a/b": 1}}]}]), "json: cannot unmarshal number into Go struct "
     "field LabelSelector.matchLabels.a/b of type string", "/spec/ingress/0/fromEndpoints/0/matchLabels/a~1b"),
    (policy(ingress=[{"fromEntities": [None]}]), "unsupported entity: ", "/spec/ingress/0/fromEntities/0"),
    (policy(ingress=[{"fromEndpoints": [{"matchExpressions": [None]}]}]), None,
     "/spec/ingress/0/fromEndpoints/0/matchExpressions/0/operator"),
    (policy(ingress=[ports({"port": ""})]), None, "/spec/ingress/0/toPorts/0/ports/0/port"),
    (policy(ingress=[ports({"port": "65536"})]), None, "/spec/ingress/0/toPorts/0/ports/0/port"),
    (policy(ingress=[ports({"port": "-1"})]), None, "/spec/ingress/0/toPorts/0/ports/0/port"),
    (policy(ingress=[ports({"port": "a--b"})]), None, "/spec/ingress/0/toPorts/0/ports/0/port"),
    (policy(ingress=[{"icmps": [{"fields": [{"type": 8, "family": "IPv5"}]}]}]), "wrong family: IPv5",
     "/spec/ingress/0/icmps/0/fields/0/family"),
    (policy(ingress=[{"icmps": [{"fields": [{"type": 8}] * 41}]}]), "too many types, the max is 40",
     "/spec/ingress/0/icmps/0/fields"),
    (policy(egress=[{"toCIDR": [""]}]), "IP must be specified", "/spec/egress/0/toCIDR/0"),
    (policy(egress=[{"toCIDRSet": [{"cidr": "10.0.0.0/8", "except": ["11.0.0.0/16"]}]}]),
     "allow CIDR prefix 10.0.0.0/8 does not contain exclude CIDR prefix 11.0.0.0/16",
     "/spec/egress/0/toCIDRSet/0/except/0"),
    (policy(egress=[{"toCIDRSet": [{"cidr": "10.0.0.0/8", "except": ["10.0.0.0"]}]}]),
     "netip.ParsePrefix(\"10.0.0.0\"): no '/'", "/spec/egress/0/toCIDRSet/0/except/0"),
    (policy(egress=[{"toFQDNs": [{"matchName": "*.a.com"}]}]),
     'Invalid characters in MatchName: "*.a.com". Only 0-9, a-z, A-Z and . and - characters are allowed',
     "/spec/egress/0/toFQDNs/0/matchName"),
    (policy(egress=[ports({"port": "80", "protocol": "TCP"}, rules={"http": [{"path": "(?=a)"}]})]),
     "error parsing regexp: invalid or unsupported Perl syntax: `(?=`",
     "/spec/egress/0/toPorts/0/rules/http/0/path"),
    (policy(egress=[ports({"port": "80", "protocol": "TCP"}, rules={"http": [{"headerMatches": [{}]}]})]),
     "Header name missing", "/spec/egress/0/toPorts/0/rules/http/0/headerMatches/0"),
    (policy(egress=[ports({"port": "80", "protocol": "TCP"}, rules={"http": [{}]}, serverNames=["a.com"])]),
     "ServerNames are not allowed with L7 rules without TLS termination", "/spec/egress/0/toPorts/0/serverNames"),
    (policy(egress=[ports({"port": "80", "protocol": "TCP"}, rules={"http": [{}]}, listener={"name": "x"})]),
     "Listener is not allowed with L7 rules (x)", "/spec/egress/0/toPorts/0/listener"),
]  # fmt: skip


@pytest.mark.parametrize(("manifest", "message", "route"), REJECTED_EVERYWHERE)
@pytest.mark.parametrize("version", SUPPORTED, ids=str)
def test_rejected_everywhere(manifest: dict[str, Any], message: str | None, route: str, version: Version) -> None:
    found = rejection(manifest, version)
    assert found is not None
    assert found.route == route
    if message is not None:
        assert found.message.removeprefix("Invalid CiliumNetworkPolicy spec: ") == message


SINCE = [
    ("1.16", policy(ingress=[{"fromNodes": [{}]}]), "/spec/ingress/0/fromNodes"),
    ("1.16", policy(ingress=[{"fromGroups": [{}], "fromEntities": ["all"]}]), "/spec/ingress/0/fromGroups"),
    ("1.16", policy(ingress=[{}], enableDefaultDeny={"ingress": "no"}), "/spec/enableDefaultDeny/ingress"),
    ("1.16", policy(egress=[ports({"port": "53", "endPort": 60}, rules={"dns": [{}]})]),
     "/spec/egress/0/toPorts/0/ports/0/endPort"),
    ("1.17", policy(ingressDeny=[{"fromEntities": ["all"], "fromCIDR": ["10.0.0.0/8"]}]),
     "/spec/ingressDeny/0/fromEntities"),
    ("1.16", policy(ingressDeny=[{"fromEntities": ["nobody"]}]), "/spec/ingressDeny/0/fromEntities/0"),
    ("1.16", policy(egressDeny=[ports({"port": "99999"})]), "/spec/egressDeny/0/toPorts/0/ports/0/port"),
    ("1.17", policy(ingress=[{"fromCIDRSet": [{"cidr": "10.0.0.0/8", "cidrGroupRef": "g"}]}]),
     "/spec/ingress/0/fromCIDRSet/0"),
    ("1.19", policy(ingress=[{"fromCIDR": ["fe80::1%eth0/64"]}]), "/spec/ingress/0/fromCIDR/0"),
]  # fmt: skip


@pytest.mark.parametrize(("first", "manifest", "route"), SINCE)
def test_rejected_since(first: str, manifest: dict[str, Any], route: str) -> None:
    routes = [found.route if (found := rejection(manifest, version)) else None for version in SUPPORTED]
    assert routes == [route if version >= parse_version(first) else None for version in SUPPORTED]


NETWORK_POLICIES = [
    (network_policy(ingress=[{"from": [{}]}]), "spec.ingress[0].from[0]: Required value: must specify a peer"),
    (network_policy(egress=[{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}, "podSelector": {}}]}]),
     "spec.egress[0].to[0]: Forbidden: may not specify both ipBlock and another peer"),
    (network_policy(egress=[{"to": [{"ipBlock": {"cidr": "10.0.0.0"}}]}]),
     'spec.egress[0].to[0].ipBlock.cidr: Invalid value: "10.0.0.0": must be a valid CIDR value, '
     "(e.g. 10.9.8.0/24 or 2001:db8::/64)"),
    (network_policy(egress=[{"to": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.0.0.0/8"]}}]}]),
     'spec.egress[0].to[0].ipBlock.except[0]: Invalid value: "10.0.0.0/8": must be a strict subset of `cidr`'),
    (network_policy(ingress=[{"ports": [{"port": 90, "endPort": 80}]}]),
     "spec.ingress[0].ports[0].endPort: Invalid value: 80: must be greater than or equal to `port`"),
    (network_policy(ingress=[{"ports": [{"protocol": "ICMP"}]}]),
     'spec.ingress[0].ports[0].protocol: Unsupported value: "ICMP": supported values: "TCP", "UDP", "SCTP"'),
    (network_policy(policyTypes=["ingress"]),
     'spec.policyTypes[0]: Unsupported value: "ingress": supported values: "Ingress", "Egress"'),
]  # fmt: skip


@pytest.mark.parametrize(("manifest", "message"), NETWORK_POLICIES)
def test_network_policies(manifest: dict[str, Any], message: str) -> None:
    assert reason(manifest) == message


def test_whole_manifests() -> None:
    bare = {"apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy", "metadata": {"name": "p"}}
    assert reason(bare) == "Invalid CiliumNetworkPolicy spec(s): empty policy"
    assert reason({**bare, "specs": []}) is None
    assert reason({**bare, "specs": [None]}) is not None
    assert reason({**bare, "metadata": None, "spec": {}}) == "CiliumNetworkPolicy must have name"
    assert reason({**bare, "specs": [{"ingress": [{}]}]}) == (
        "Invalid CiliumNetworkPolicy specs: rule must have one of EndpointSelector or NodeSelector"
    )
    assert reason({"kind": "Pod"}) is not None
    found = rejection(policy(ingress=[{"fromEntities": ["x"]}]), LATEST, base="/items/3")
    assert found is not None and found.route == "/items/3/spec/ingress/0/fromEntities/0"


def test_host_policies() -> None:
    def host(**rules: Any) -> str | None:
        manifest = policy(kind="CiliumClusterwideNetworkPolicy", **rules)
        manifest["spec"]["nodeSelector"] = manifest["spec"].pop("endpointSelector")
        found = rejection(manifest, LATEST)
        return found.message.removeprefix("Invalid CiliumClusterwideNetworkPolicy spec: ") if found else None

    http = ports({"port": "80", "protocol": "TCP"}, rules={"http": [{}]})
    dns = ports({"port": "53", "protocol": "ANY"}, rules={"dns": [{}]})
    assert host(ingress=[{}]) is None
    assert host(egress=[dns]) is None
    assert host(ingress=[http]) == "L7 policy is not supported on host ingress yet"
    assert host(egress=[http]) == "L7 protocol HTTP is not supported on host egress yet"


def test_node_peers_need_the_flag() -> None:
    manifest = policy(ingress=[{"fromNodes": [{}]}])
    assert rejection(manifest, LATEST, flags=AgentFlags(node_selector_labels=True)) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-70000, 70000) | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
SEEDS = [*ACCEPTED_EVERYWHERE, *(manifest for manifest, _, _ in REJECTED_EVERYWHERE)]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_shape_gets_an_answer(data: st.DataObject) -> None:
    """And what is accepted has a meaning."""
    manifest = data.draw(st.sampled_from(SEEDS))
    changed = _with_something_else(manifest, data)
    for version in SUPPORTED:
        (found,) = compile_policies([changed], Settings(version)).rejections
        assert found == rejection(changed, version)


def _with_something_else(node: Any, data: st.DataObject) -> Any:
    """The tree with one subtree replaced by arbitrary JSON."""
    if isinstance(node, dict) and node and data.draw(st.integers(0, 5)):
        key = data.draw(st.sampled_from(sorted(node)))
        return {**node, key: _with_something_else(node[key], data)}
    if isinstance(node, list) and node and data.draw(st.integers(0, 5)):
        index = data.draw(st.integers(0, len(node) - 1))
        return [*node[:index], _with_something_else(node[index], data), *node[index + 1 :]]
    return data.draw(JSON)
