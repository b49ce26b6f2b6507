"""The Go types into which Cilium decodes a manifest, per version: their fields, and the names that errors say.

Sources: Cilium pkg/policy/api and pkg/k8s/slim types.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from rewriter.cilium.version import (
    CIDR_GROUP_SELECTOR,
    ENABLE_DEFAULT_DENY,
    ICMP_TYPE_NAMES,
    L7_GENERIC_REMOVED,
    LISTENER_PRIORITY,
    NODE_PEERS,
    POLICY_LOG,
    PORT_RANGES,
    REQUIRES_REMOVED,
    Version,
)
from rewriter.records import dataclass


@dataclass(frozen=True, slots=True)
class Scalar:
    """`kind` is string, bool, an integer type of Go, or int-or-string; `name` is the Go type that errors say."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class LabelText:
    """A Cilium label: an object with a key, or the text `source:key=value` (Cilium pkg/labels UnmarshalJSON)."""

    name: str = "labels.Label"


@dataclass(frozen=True, slots=True)
class ListOf:
    element: GoType
    name: str


@dataclass(frozen=True, slots=True)
class MapOf:
    element: GoType
    name: str


@dataclass(frozen=True, slots=True)
class Struct:
    """`root` is set for types with a decoder of their own: Go's errors then start at that name."""

    name: str
    fields: Mapping[str, GoType]
    root: str = ""


GoType = Scalar | LabelText | ListOf | MapOf | Struct

_STRING = Scalar("string", "string")
_BOOL = Scalar("bool", "bool")
_STRINGS = ListOf(_STRING, "[]string")
_LABELS = ListOf(LabelText(), "labels.LabelArray")
_STRING_MAP = MapOf(_STRING, "map[string]string")
_OBJECT_META = Struct(
    "v1.ObjectMeta",
    {"name": _STRING, "namespace": _STRING, "labels": _STRING_MAP, "annotations": _STRING_MAP},
)
_REQUIREMENT = Struct(
    "v1.LabelSelectorRequirement",
    {"key": _STRING, "operator": Scalar("string", "v1.LabelSelectorOperator"), "values": _STRINGS},
)
_LABEL_SELECTOR_FIELDS: Mapping[str, GoType] = {
    "matchLabels": _STRING_MAP,
    "matchExpressions": ListOf(_REQUIREMENT, "[]v1.LabelSelectorRequirement"),
}
_LABEL_SELECTOR = Struct("v1.LabelSelector", _LABEL_SELECTOR_FIELDS)
_ENDPOINT_SELECTOR = Struct("v1.LabelSelector", _LABEL_SELECTOR_FIELDS, root="LabelSelector")
_SELECTORS = ListOf(_ENDPOINT_SELECTOR, "[]api.EndpointSelector")
_CIDR = Scalar("string", "api.CIDR")
_CIDRS = ListOf(_CIDR, "[]api.CIDR")
_SECRET = Struct("api.Secret", {"namespace": _STRING, "name": _STRING})
_TLS = Struct(
    "api.TLSContext",
    {"secret": _SECRET, "trustedCA": _STRING, "certificate": _STRING, "privateKey": _STRING},
)
_HEADER_MATCH = Struct(
    "api.HeaderMatch",
    {"mismatch": Scalar("string", "api.MismatchAction"), "name": _STRING, "secret": _SECRET, "value": _STRING},
)
_HTTP = Struct(
    "api.PortRuleHTTP",
    {
        "path": _STRING,
        "method": _STRING,
        "host": _STRING,
        "headers": _STRINGS,
        "headerMatches": ListOf(_HEADER_MATCH, "[]*api.HeaderMatch"),
    },
)
_FQDN_FIELDS: Mapping[str, GoType] = {"matchName": _STRING, "matchPattern": _STRING}
_FQDNS = ListOf(Struct("api.FQDNSelector", _FQDN_FIELDS), "api.FQDNSelectorSlice")
_KAFKA = Struct("kafka.PortRule", dict.fromkeys(("role", "apiKey", "apiVersion", "clientID", "topic"), _STRING))
_ENVOY_CONFIG = Struct("api.EnvoyConfig", {"kind": _STRING, "name": _STRING})
_LISTENER_FIELDS: dict[str, GoType] = {"envoyConfig": _ENVOY_CONFIG, "name": _STRING}
_OLD_LISTENER = Struct("api.Listener", _LISTENER_FIELDS)
_LISTENER = Struct("api.Listener", {**_LISTENER_FIELDS, "priority": Scalar("uint8", "uint8")})
_AWS = Struct(
    "api.AWSGroup",
    {"labels": _STRING_MAP, "securityGroupsIds": _STRINGS, "securityGroupsNames": _STRINGS, "region": _STRING},
)
_GROUPS = ListOf(Struct("api.Groups", {"aws": _AWS}), "[]api.Groups")
_SERVICE = Struct(
    "api.Service",
    {
        "k8sService": Struct("api.K8sServiceNamespace", {"serviceName": _STRING, "namespace": _STRING}),
        "k8sServiceSelector": Struct(
            "api.K8sServiceSelectorNamespace", {"selector": _LABEL_SELECTOR, "namespace": _STRING}
        ),
    },
)


@cache
def cilium_policy(version: Version) -> Struct:
    rule = _rule(version)
    return Struct("", {"metadata": _OBJECT_META, "spec": rule, "specs": ListOf(rule, "api.Rules")})


def _rule(version: Version) -> Struct:
    fields: dict[str, GoType] = {
        "endpointSelector": _ENDPOINT_SELECTOR,
        "nodeSelector": _ENDPOINT_SELECTOR,
        "description": _STRING,
        "labels": _LABELS,
    }
    if version >= POLICY_LOG:
        fields["log"] = Struct("api.LogConfig", {"value": _STRING})
    for direction in ("Ingress", "Egress"):
        for deny in (False, True):
            name = f"api.{direction}{'Deny' if deny else ''}Rule"
            item = Struct(name, _rule_item(version, direction, deny=deny))
            fields[direction.lower() + ("Deny" if deny else "")] = ListOf(item, f"[]{name}")
    if version >= ENABLE_DEFAULT_DENY:
        fields["enableDefaultDeny"] = Struct("api.DefaultDenyConfig", {"ingress": _BOOL, "egress": _BOOL})
    return Struct("api.Rule", fields)


def _rule_item(version: Version, direction: str, *, deny: bool) -> Mapping[str, GoType]:
    prefix = "from" if direction == "Ingress" else "to"
    ports, icmps = _ports(version, deny=deny), _icmps(version)
    fields: dict[str, GoType] = {
        f"{prefix}Endpoints": _SELECTORS,
        f"{prefix}Requires": _STRINGS if version >= REQUIRES_REMOVED else _SELECTORS,
        f"{prefix}CIDR": ListOf(_CIDR, "api.CIDRSlice"),
        f"{prefix}CIDRSet": ListOf(_cidr_rule(version), "api.CIDRRuleSlice"),
        f"{prefix}Entities": ListOf(Scalar("string", "api.Entity"), "api.EntitySlice"),
        "toPorts": ports,
        "icmps": icmps,
    }
    if version >= NODE_PEERS:
        fields[f"{prefix}Nodes"] = _SELECTORS
    if version >= NODE_PEERS or prefix == "to":
        fields[f"{prefix}Groups"] = _GROUPS
    if prefix == "to":
        fields["toServices"] = ListOf(_SERVICE, "[]api.Service")
        if not deny:
            fields["toFQDNs"] = _FQDNS
    if not deny:
        mode = Scalar("string", "api.AuthenticationMode")
        fields["authentication"] = Struct("api.Authentication", {"mode": mode})
    return fields


def _cidr_rule(version: Version) -> Struct:
    fields: dict[str, GoType] = {
        "cidr": _CIDR,
        "cidrGroupRef": Scalar("string", "api.CIDRGroupRef"),
        "except": _CIDRS,
    }
    if version >= CIDR_GROUP_SELECTOR:
        fields["cidrGroupSelector"] = _ENDPOINT_SELECTOR
    return Struct("api.CIDRRule", fields)


def _ports(version: Version, *, deny: bool) -> ListOf:
    port: dict[str, GoType] = {"port": _STRING, "protocol": Scalar("string", "api.L4Proto")}
    if version >= PORT_RANGES:
        port["endPort"] = Scalar("int32", "int32")
    fields: dict[str, GoType] = {"ports": ListOf(Struct("api.PortProtocol", port), "[]api.PortProtocol")}
    name = "api.PortDenyRule"
    if not deny:
        name = "api.PortRule"
        fields |= {
            "terminatingTLS": _TLS,
            "originatingTLS": _TLS,
            "serverNames": _STRINGS,
            "listener": _LISTENER if version >= LISTENER_PRIORITY else _OLD_LISTENER,
            "rules": _l7_rules(version),
        }
    return ListOf(Struct(name, fields), f"{name}s")


def _l7_rules(version: Version) -> Struct:
    fields: dict[str, GoType] = {
        "http": ListOf(_HTTP, "api.PortRulesHTTP"),
        "dns": ListOf(Struct("api.PortRuleDNS", _FQDN_FIELDS), "api.PortRulesDNS"),
    }
    if version < L7_GENERIC_REMOVED:
        fields |= {
            "kafka": ListOf(_KAFKA, "[]kafka.PortRule"),
            "l7proto": _STRING,
            "l7": ListOf(MapOf(_STRING, "api.PortRuleL7"), "[]api.PortRuleL7"),
        }
    return Struct("api.L7Rules", fields)


def _icmps(version: Version) -> ListOf:
    number = Scalar("int-or-string" if version >= ICMP_TYPE_NAMES else "uint8", "uint8")
    root = "ICMPField" if version >= ICMP_TYPE_NAMES else ""
    field = Struct("api.ICMPField", {"family": _STRING, "type": number}, root=root)
    return ListOf(Struct("api.ICMPRule", {"fields": ListOf(field, "[]api.ICMPField")}), "api.ICMPRules")


@cache
def network_policy() -> Struct:
    port = Struct(
        "v1.NetworkPolicyPort",
        {
            "protocol": Scalar("string", "v1.Protocol"),
            "port": Scalar("int-or-string", "intstr.IntOrString"),
            "endPort": Scalar("int32", "int32"),
        },
    )
    peer = Struct(
        "v1.NetworkPolicyPeer",
        {
            "podSelector": _LABEL_SELECTOR,
            "namespaceSelector": _LABEL_SELECTOR,
            "ipBlock": Struct("v1.IPBlock", {"cidr": _STRING, "except": _STRINGS}),
        },
    )
    ports, peers = ListOf(port, "[]v1.NetworkPolicyPort"), ListOf(peer, "[]v1.NetworkPolicyPeer")
    ingress = Struct("v1.NetworkPolicyIngressRule", {"ports": ports, "from": peers})
    egress = Struct("v1.NetworkPolicyEgressRule", {"ports": ports, "to": peers})
    spec = Struct(
        "v1.NetworkPolicySpec",
        {
            "podSelector": _LABEL_SELECTOR,
            "ingress": ListOf(ingress, "[]v1.NetworkPolicyIngressRule"),
            "egress": ListOf(egress, "[]v1.NetworkPolicyEgressRule"),
            "policyTypes": ListOf(Scalar("string", "v1.PolicyType"), "[]v1.PolicyType"),
        },
    )
    return Struct("", {"metadata": _OBJECT_META, "spec": spec})
