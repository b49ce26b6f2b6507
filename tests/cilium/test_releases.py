"""What each release of Cilium takes, form by form; each case names the Cilium file that says so."""

from __future__ import annotations

from typing import Any

import pytest

from rewriter.cilium.validation import rejection
from rewriter.cilium.version import SUPPORTED
from tests.cilium.test_validation import policy, ports

Manifest = dict[str, Any]
HTTP = {"http": [{"method": "GET"}]}
DNS = {"dns": [{"matchPattern": "*"}]}
WEB = {"port": "80", "protocol": "TCP"}


def clusterwide(**spec: Any) -> Manifest:
    return policy("CiliumClusterwideNetworkPolicy", **spec)


def host(**spec: Any) -> Manifest:
    manifest = clusterwide(**spec)
    manifest["spec"]["nodeSelector"] = manifest["spec"].pop("endpointSelector")
    return manifest


def specs(*items: Any) -> Manifest:
    manifest = policy()
    del manifest["spec"]
    return {**manifest, "specs": list(items)}


def group(selector: Any) -> Manifest:
    return policy(ingress=[{"fromCIDRSet": [{"cidrGroupSelector": selector}]}])


#: Cilium file, manifest, and the releases that take it: Y and n for 1.15, 1.16, … 1.20.
ACCEPTED: list[tuple[str, Manifest, str]] = [
    ("pkg/policy/api/rule_validation.go: host policies", host(egress=[ports({"port": "53"}, rules=DNS)]), "nnYYYY"),
    ("pkg/policy/api/rule_validation.go: host policies", host(egress=[ports(WEB, rules=HTTP)]), "nnnnnn"),
    ("pkg/policy/api/rule_validation.go: host policies", host(ingress=[ports(WEB, rules=HTTP)]), "nnnnnn"),
    ("pkg/policy/api/rule_validation.go: host policies", host(ingress=[ports(WEB)]), "YYYYYY"),
    ("pkg/policy/api/rule_validation.go: PortProtocol", policy(ingress=[ports({"port": "7", "protocol": "VRRP"})]),
     "nnnnnn"),
    ("pkg/policy/api/rule_validation.go: PortProtocol", policy(ingress=[ports({"port": "7", "protocol": "vrrp"})]),
     "nnnYYn"),
    ("pkg/policy/api/rule_validation.go: PortProtocol", policy(ingress=[ports({"port": "0", "protocol": "igmp"})]),
     "nnnYYY"),
    ("pkg/policy/api/rule_validation.go: PortProtocol", policy(ingress=[ports({"port": "0", "protocol": "ESP"})]),
     "nnnnnY"),
    ("pkg/policy/api/rule_validation.go: PortProtocol", policy(ingress=[ports({"protocol": "VRRP"})]), "nnnnnn"),
    ("pkg/policy/api/rule_validation.go: PortProtocol", policy(ingress=[ports({"port": "53", "endPort": 60})]),
     "YYYYYY"),
    ("pkg/policy/api/rule_validation.go: DNS", policy(egress=[ports({"port": "53", "endPort": 60}, rules=DNS)]),
     "Ynnnnn"),
    ("pkg/policy/api/rule_validation.go: DNS", policy(egress=[{"toPorts": [{"rules": DNS}]}]), "nnnnnn"),
    ("pkg/policy/api/l4.go: L7Rules.IsEmpty", policy(egress=[ports(WEB, rules={"http": []}, listener={"name": "x"})]),
     "YYYYYY"),
    ("pkg/policy/api/l4.go: L7Rules.IsEmpty", policy(egress=[ports(WEB, rules={"kafka": []}, listener={"name": "x"})]),
     "YYYYYY"),
    ("pkg/policy/api/rule.go: labels", policy(ingress=[{}], labels=["a=b", {"key": "c", "source": "k8s"}]), "YYYYYY"),
    ("pkg/labels/labels.go: UnmarshalJSON", policy(ingress=[{}], labels={"a": "b"}), "nnnnnn"),
    ("pkg/labels/labels.go: UnmarshalJSON", policy(ingress=[{}], labels=[{"value": "b"}]), "nnnnnn"),
    ("pkg/labels/labels.go: UnmarshalJSON", policy(ingress=[{}], labels=[None]), "nnnnnn"),
    ("pkg/labels/labels.go: UnmarshalJSON", policy(ingress=[{}], labels=[3]), "nnnnnn"),
    ("pkg/policy/api/rule.go: log", policy(ingress=[{}], log={"value": "audit"}), "YYYYYY"),
    ("pkg/policy/api/rule.go: log", policy(ingress=[{}], log="audit"), "YYYnnn"),
    ("pkg/policy/api/cidr.go: CIDRGroupSelector", group({}), "nnYYYY"),
    ("pkg/policy/api/cidr.go: CIDRGroupSelector", group(None), "nnnnnY"),
    ("pkg/policy/api/cidr.go: CIDRGroupSelector", group({"matchLabels": {"k8s:a": "b"}}), "nnnnnY"),
    ("pkg/policy/api/icmp.go: UnmarshalJSON", policy(ingress=[{"icmps": [{"fields": [{"family": "IPv4"}]}]}]),
     "Ynnnnn"),
    ("pkg/policy/api/icmp.go: UnmarshalJSON", policy(ingress=[{"icmps": [{"fields": [{"type": "Echo"}]}]}]), "nYYYYY"),
    ("pkg/policy/api/icmp.go: UnmarshalJSON",
     policy(ingress=[{"icmps": [{"fields": [{"type": "PacketTooBig", "family": "IPv6"}]}]}]), "nYYYYY"),
    ("pkg/policy/api/icmp.go: UnmarshalJSON", policy(ingress=[{"icmps": [{"fields": [{"type": "PacketTooBig"}]}]}]),
     "nnnnnn"),
    ("pkg/policy/api/icmp.go: uint8", policy(ingress=[{"icmps": [{"fields": [{"type": 300}]}]}]), "nYYYYY"),
    ("pkg/policy/api/egress.go: EgressDenyRule",
     policy(egressDeny=[{"toFQDNs": [{"matchName": "a.com"}], "toEndpoints": [{}]}]), "YYYYYY"),
    ("pkg/k8s/apis/cilium.io/v2/cnp_types.go", specs({"endpointSelector": {}, "ingress": [{}]}), "YYYYYY"),
    ("pkg/k8s/apis/cilium.io/v2/cnp_types.go", specs(None), "nnnnnn"),
    ("pkg/k8s/apis/cilium.io/v2/cnp_types.go", specs(), "YYYYYY"),
    ("pkg/k8s/apis/cilium.io/v2/cnp_types.go", specs({"nodeSelector": {}, "ingress": [{}]}), "YYYnnn"),
    ("pkg/policy/api/selector.go: UnmarshalJSON", policy(endpointSelector=None, ingress=[{}]), "YYYYYY"),
    ("pkg/policy/api/rule_validation.go: entities", policy(ingress=[{"fromEntities": ["world-ipv4", "world-ipv6"]}]),
     "YYYYYY"),
    ("pkg/policy/api/rule.go: authentication",
     policy(ingress=[{"fromEndpoints": [{}], "authentication": {"mode": "always"}}]), "YYYYYY"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "manifest", "accepted"), ACCEPTED)
def test_which_releases_accept(source: str, manifest: Manifest, accepted: str) -> None:
    found = "".join("Y" if rejection(manifest, version) is None else "n" for version in SUPPORTED)
    assert found == accepted, source


NODES_OFF = 'FromNodes/ToNodes rules can only be applied when the "enable-node-selector-labels" flag is set'
NAME = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
NIL = "panic: runtime error: invalid memory address or nil pointer dereference"

#: Cilium file, manifest, and the reason in each of the releases named.
MESSAGES: list[tuple[str, Manifest, dict[str, str]]] = [
    ("pkg/policy/api/rule_validation.go: host policies", host(egress=[ports(WEB, rules=HTTP)]),
     {"1.16": "host policies do not support L7 rules yet",
      "1.17": "L7 protocol HTTP is not supported on host egress yet"}),
    ("pkg/policy/api/rule_validation.go: host policies", host(ingress=[ports({"port": "53"}, rules=DNS)]),
     {"1.16": "L7 protocol DNS is not supported on ingress yet",
      "1.17": "L7 policy is not supported on host ingress yet"}),
    ("pkg/policy/api/rule_validation.go: errors.Join",
     policy(ingress=[{"fromNodes": [{"matchLabels": {"a b": ""}}]}]),
     {"1.16": f'invalid label selector: matchLabels: Invalid value: "any.a b": {NAME}',
      "1.18": f'invalid label selector: matchLabels: Invalid value: "any.a b": {NAME}\n{NODES_OFF}',
      "1.20": f'invalid label selector: matchLabels: Invalid value: "a b": {NAME}\n{NODES_OFF}'}),
    ("pkg/policy/api/cidr.go: CIDRGroupSelector", group({"matchLabels": {"a b": "c"}}),
     {"1.18": 'failed to sanitize cidrGroupSelector {"matchLabels":{"a b":"c"}}: invalid label selector: matchLabels: '
              f'Invalid value: "cidrgroup.a b": {NAME}',
      "1.20": 'failed to sanitize cidrGroupSelector {"matchLabels":{"a b":"c"}}: invalid label selector: matchLabels: '
              f'Invalid value: "a b": {NAME}'}),
    ("pkg/policy/api/icmp.go: UnmarshalJSON", policy(ingress=[{"icmps": [{"fields": [{}]}]}]), {"1.16": NIL}),
    ("pkg/k8s/apis/cilium.io/v2/cnp_types.go", specs(None), {"1.15": NIL, "1.20": NIL}),
    ("pkg/labels/labels.go: UnmarshalJSON", policy(ingress=[{}], labels=[{"value": "b"}]),
     {"1.19": """invalid Label: '{"value":"b"}' does not contain label key"""}),
    ("pkg/labels/labels.go: UnmarshalJSON", policy(ingress=[{}], labels={"a": "b"}),
     {"1.19": "json: cannot unmarshal object into Go struct field CiliumNetworkPolicy.spec.labels of type "
              "labels.LabelArray"}),
    ("k8s.io/apimachinery/pkg/util/validation: MaxLenError",
     policy(endpointSelector={"matchLabels": {"a": "x" * 64}}, ingress=[{}]),
     {"1.16": f'invalid label selector: matchLabels: Invalid value: "{"x" * 64}": must be no more than 63 characters',
      "1.17": f'invalid label selector: matchLabels: Invalid value: "{"x" * 64}": must be no more than 63 bytes'}),
    ("strconv.Quote", policy(ingress=[ports({"port": "80", "protocol": "t\x1bcp"})]),
     {"1.17": 'invalid protocol "T\\x1bCP", must be { tcp | udp | sctp | any }'}),
    ("pkg/labels/labels.go: GetExtendedKeyFrom", policy(endpointSelector={"matchLabels": {"a b=c": "d"}}, ingress=[{}]),
     {"1.18": f'invalid label selector: matchLabels: Invalid value: "any.a b": {NAME}'}),
]  # fmt: skip


@pytest.mark.parametrize(("source", "manifest", "messages"), MESSAGES)
def test_in_which_words(source: str, manifest: Manifest, messages: dict[str, str]) -> None:
    for version in SUPPORTED:
        expected = messages.get(str(version))
        found = rejection(manifest, version)
        if expected is not None:
            assert found is not None, (source, version)
            text = found.message
            for kind in ("CiliumNetworkPolicy", "CiliumClusterwideNetworkPolicy"):
                text = text.removeprefix(f"Invalid {kind} spec: ")
            assert text == expected, (source, version)
