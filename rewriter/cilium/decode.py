"""Whether a manifest decodes into Cilium's Go types, per version: wrong JSON types are rejected as Go rejects them.

Unknown fields are dropped and null is the zero value, as Go's JSON decoder does. Sources: Cilium pkg/policy/api and
pkg/k8s/slim types.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from rewriter.cilium.icmp import ICMP_TYPES
from rewriter.cilium.policy import KNP
from rewriter.cilium.rejected import RejectedError
from rewriter.cilium.selector import escape_pointer
from rewriter.cilium.version import (
    CIDR_GROUP_SELECTOR,
    ENABLE_DEFAULT_DENY,
    ICMP_TYPE_NAMES,
    L7_GENERIC_REMOVED,
    NODE_PEERS,
    POLICY_LOG,
    PORT_RANGES,
    REQUIRES_REMOVED,
    Version,
)

#: What a null where Cilium expects a value does to its parser.
NIL_POINTER = "runtime error: invalid memory address or nil pointer dereference"
_INTEGERS = {"uint8": (0, 0xFF), "int32": (-(1 << 31), (1 << 31) - 1), "int64": (-(1 << 63), (1 << 63) - 1)}


@dataclass(frozen=True, slots=True)
class _Scalar:
    """`kind` is string, bool, an integer type of Go, or int-or-string; `name` is the Go type that errors say."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class _Label:
    """A Cilium label: an object with a key, or the text `source:key=value` (Cilium pkg/labels UnmarshalJSON)."""

    name: str = "labels.Label"


@dataclass(frozen=True, slots=True)
class _List:
    element: _Type
    name: str


@dataclass(frozen=True, slots=True)
class _Map:
    element: _Type
    name: str


@dataclass(frozen=True, slots=True)
class _Struct:
    """`root` is set for types with a decoder of their own: Go's errors then start at that name."""

    name: str
    fields: Mapping[str, _Type]
    root: str = ""


_Type = _Scalar | _Label | _List | _Map | _Struct

_STRING = _Scalar("string", "string")
_BOOL = _Scalar("bool", "bool")
_STRINGS = _List(_STRING, "[]string")
_LABELS = _List(_Label(), "labels.LabelArray")
_STRING_MAP = _Map(_STRING, "map[string]string")


def check_decodes(manifest: Mapping[str, Any], kind: str, version: Version, base: str = "") -> None:
    """Raises RejectedError at the first value of a type that Cilium's decoder cannot take."""
    schema = _network_policy() if kind == KNP else _cilium_policy(version)
    for field, value in manifest.items():
        if field in schema.fields:
            route = f"{base}/{escape_pointer(str(field))}"
            _check(value, schema.fields[field], f"{kind}.{field}", route, version, is_field=True)


def _check(value: Any, expected: _Type, path: str, route: str, version: Version, *, is_field: bool) -> None:
    if isinstance(expected, _Label):
        _check_label(value, route)
        return
    if value is None:
        return
    if isinstance(expected, _Scalar):
        _check_scalar(value, expected, path, route, is_field=is_field)
        return
    if isinstance(expected, _Struct) and expected.root:
        path = expected.root
    if isinstance(expected, _List):
        if not isinstance(value, list):
            raise _mismatch(_json_kind(value), path, expected.name, route, is_field=is_field)
        for index, item in enumerate(value):
            _check(item, expected.element, f"{path}.{index}", f"{route}/{index}", version, is_field=False)
        return
    if not isinstance(value, dict):
        named = "" if isinstance(expected, _Struct) and expected.root else path
        raise _mismatch(_json_kind(value), named, expected.name, route, is_field=is_field)
    for key, item in value.items():
        below = expected.element if isinstance(expected, _Map) else expected.fields.get(key)
        if below is not None:
            _check(item, below, f"{path}.{key}", f"{route}/{escape_pointer(str(key))}", version, is_field=True)
    if expected.name == "api.ICMPField" and version >= ICMP_TYPE_NAMES:
        _check_icmp_type(value, route)


def _check_scalar(value: Any, expected: _Scalar, path: str, route: str, *, is_field: bool) -> None:
    kind = expected.kind
    if kind == "int-or-string":
        if isinstance(value, str):
            return
        kind, path = "int32", ""
    if kind == "string" and isinstance(value, str):
        return
    if kind == "bool" and isinstance(value, bool):
        return
    found = _json_kind(value)
    if kind in _INTEGERS and isinstance(value, int | float) and not isinstance(value, bool):
        low, high = _INTEGERS[kind]
        if isinstance(value, int) and low <= value <= high:
            return
        found = f"number {value}"
    name = kind if expected.kind == "int-or-string" else expected.name
    raise _mismatch(found, path, name, route, is_field=is_field)


def _check_label(value: Any, route: str) -> None:
    if isinstance(value, str):
        if not value:
            raise RejectedError('invalid Label: Failed to parse "" as a string', route)
        return
    fields = value if isinstance(value, dict) else {}
    whole = value is None or (isinstance(value, dict) and all(isinstance(v, str | None) for v in fields.values()))
    if not whole:
        found = f"json: cannot unmarshal {_json_kind(value)} into Go value of type string"
        raise RejectedError(f"decode of Label as string failed: {found}", route)
    if not fields.get("key"):
        text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
        raise RejectedError(f"invalid Label: '{text}' does not contain label key", route)


def _check_icmp_type(value: Mapping[str, Any], route: str) -> None:
    family, written = value.get("family") or "", value.get("type")
    if written is None:
        raise RejectedError(f"panic: {NIL_POINTER}", route)
    if isinstance(written, str) and not _leading_number(written) and written != "0":
        table = ICMP_TYPES["IPv6" if family == "IPv6" else "IPv4"]
        if written not in table:
            raise RejectedError(f"ICMP type {written} not found in {family}", f"{route}/type")


def _leading_number(text: str) -> int:
    digits = text.removeprefix("-").removeprefix("+")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 19 else 0


def _mismatch(found: str, path: str, name: str, route: str, *, is_field: bool) -> RejectedError:
    if not path:
        where = "Go value"
    elif is_field:
        where = f"Go struct field {path}"
    else:
        where = path
    return RejectedError(f"json: cannot unmarshal {found} into {where} of type {name}", route)


def _json_kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, str):
        return "string"
    if isinstance(value, int | float):
        return "number"
    return "array" if isinstance(value, list) else "object"


_OBJECT_META = _Struct(
    "v1.ObjectMeta",
    {"name": _STRING, "namespace": _STRING, "labels": _STRING_MAP, "annotations": _STRING_MAP},
)
_REQUIREMENT = _Struct(
    "v1.LabelSelectorRequirement",
    {"key": _STRING, "operator": _Scalar("string", "v1.LabelSelectorOperator"), "values": _STRINGS},
)
_LABEL_SELECTOR_FIELDS: Mapping[str, _Type] = {
    "matchLabels": _STRING_MAP,
    "matchExpressions": _List(_REQUIREMENT, "[]v1.LabelSelectorRequirement"),
}
_LABEL_SELECTOR = _Struct("v1.LabelSelector", _LABEL_SELECTOR_FIELDS)
_ENDPOINT_SELECTOR = _Struct("v1.LabelSelector", _LABEL_SELECTOR_FIELDS, root="LabelSelector")
_SELECTORS = _List(_ENDPOINT_SELECTOR, "[]api.EndpointSelector")
_CIDR = _Scalar("string", "api.CIDR")
_CIDRS = _List(_CIDR, "[]api.CIDR")
_SECRET = _Struct("api.Secret", {"namespace": _STRING, "name": _STRING})
_TLS = _Struct(
    "api.TLSContext",
    {"secret": _SECRET, "trustedCA": _STRING, "certificate": _STRING, "privateKey": _STRING},
)
_HEADER_MATCH = _Struct(
    "api.HeaderMatch",
    {"mismatch": _Scalar("string", "api.MismatchAction"), "name": _STRING, "secret": _SECRET, "value": _STRING},
)
_HTTP = _Struct(
    "api.PortRuleHTTP",
    {
        "path": _STRING,
        "method": _STRING,
        "host": _STRING,
        "headers": _STRINGS,
        "headerMatches": _List(_HEADER_MATCH, "[]*api.HeaderMatch"),
    },
)
_FQDN_FIELDS: Mapping[str, _Type] = {"matchName": _STRING, "matchPattern": _STRING}
_FQDNS = _List(_Struct("api.FQDNSelector", _FQDN_FIELDS), "api.FQDNSelectorSlice")
_KAFKA = _Struct("kafka.PortRule", dict.fromkeys(("role", "apiKey", "apiVersion", "clientID", "topic"), _STRING))
_ENVOY_CONFIG = _Struct("api.EnvoyConfig", {"kind": _STRING, "name": _STRING})
_LISTENER = _Struct(
    "api.Listener",
    {"envoyConfig": _ENVOY_CONFIG, "name": _STRING, "priority": _Scalar("uint8", "uint8")},
)
_AWS = _Struct(
    "api.AWSGroup",
    {"labels": _STRING_MAP, "securityGroupsIds": _STRINGS, "securityGroupsNames": _STRINGS, "region": _STRING},
)
_GROUPS = _List(_Struct("api.Groups", {"aws": _AWS}), "[]api.Groups")
_SERVICE = _Struct(
    "api.Service",
    {
        "k8sService": _Struct("api.K8sServiceNamespace", {"serviceName": _STRING, "namespace": _STRING}),
        "k8sServiceSelector": _Struct(
            "api.K8sServiceSelectorNamespace", {"selector": _LABEL_SELECTOR, "namespace": _STRING}
        ),
    },
)


@cache
def _cilium_policy(version: Version) -> _Struct:
    rule = _rule(version)
    return _Struct("", {"metadata": _OBJECT_META, "spec": rule, "specs": _List(rule, "api.Rules")})


def _rule(version: Version) -> _Struct:
    fields: dict[str, _Type] = {
        "endpointSelector": _ENDPOINT_SELECTOR,
        "nodeSelector": _ENDPOINT_SELECTOR,
        "description": _STRING,
        "labels": _LABELS,
    }
    if version >= POLICY_LOG:
        fields["log"] = _Struct("api.LogConfig", {"value": _STRING})
    for direction in ("Ingress", "Egress"):
        for deny in (False, True):
            name = f"api.{direction}{'Deny' if deny else ''}Rule"
            item = _Struct(name, _rule_item(version, direction, deny=deny))
            fields[direction.lower() + ("Deny" if deny else "")] = _List(item, f"[]{name}")
    if version >= ENABLE_DEFAULT_DENY:
        fields["enableDefaultDeny"] = _Struct("api.DefaultDenyConfig", {"ingress": _BOOL, "egress": _BOOL})
    return _Struct("api.Rule", fields)


def _rule_item(version: Version, direction: str, *, deny: bool) -> Mapping[str, _Type]:
    prefix = "from" if direction == "Ingress" else "to"
    ports, icmps = _ports(version, deny=deny), _icmps(version)
    fields: dict[str, _Type] = {
        f"{prefix}Endpoints": _SELECTORS,
        f"{prefix}Requires": _STRINGS if version >= REQUIRES_REMOVED else _SELECTORS,
        f"{prefix}CIDR": _List(_CIDR, "api.CIDRSlice"),
        f"{prefix}CIDRSet": _List(_cidr_rule(version), "api.CIDRRuleSlice"),
        f"{prefix}Entities": _List(_Scalar("string", "api.Entity"), "api.EntitySlice"),
        "toPorts": ports,
        "icmps": icmps,
    }
    if version >= NODE_PEERS:
        fields[f"{prefix}Nodes"] = _SELECTORS
    if version >= NODE_PEERS or prefix == "to":
        fields[f"{prefix}Groups"] = _GROUPS
    if prefix == "to":
        fields["toServices"] = _List(_SERVICE, "[]api.Service")
        if not deny:
            fields["toFQDNs"] = _FQDNS
    if not deny:
        mode = _Scalar("string", "api.AuthenticationMode")
        fields["authentication"] = _Struct("api.Authentication", {"mode": mode})
    return fields


def _cidr_rule(version: Version) -> _Struct:
    fields: dict[str, _Type] = {
        "cidr": _CIDR,
        "cidrGroupRef": _Scalar("string", "api.CIDRGroupRef"),
        "except": _CIDRS,
    }
    if version >= CIDR_GROUP_SELECTOR:
        fields["cidrGroupSelector"] = _ENDPOINT_SELECTOR
    return _Struct("api.CIDRRule", fields)


def _ports(version: Version, *, deny: bool) -> _List:
    port: dict[str, _Type] = {"port": _STRING, "protocol": _Scalar("string", "api.L4Proto")}
    if version >= PORT_RANGES:
        port["endPort"] = _Scalar("int32", "int32")
    fields: dict[str, _Type] = {"ports": _List(_Struct("api.PortProtocol", port), "[]api.PortProtocol")}
    name = "api.PortDenyRule"
    if not deny:
        name = "api.PortRule"
        fields |= {
            "terminatingTLS": _TLS,
            "originatingTLS": _TLS,
            "serverNames": _STRINGS,
            "listener": _LISTENER,
            "rules": _l7_rules(version),
        }
    return _List(_Struct(name, fields), f"{name}s")


def _l7_rules(version: Version) -> _Struct:
    fields: dict[str, _Type] = {
        "http": _List(_HTTP, "api.PortRulesHTTP"),
        "dns": _List(_Struct("api.PortRuleDNS", _FQDN_FIELDS), "api.PortRulesDNS"),
    }
    if version < L7_GENERIC_REMOVED:
        fields |= {
            "kafka": _List(_KAFKA, "[]kafka.PortRule"),
            "l7proto": _STRING,
            "l7": _List(_Map(_STRING, "api.PortRuleL7"), "[]api.PortRuleL7"),
        }
    return _Struct("api.L7Rules", fields)


def _icmps(version: Version) -> _List:
    number = _Scalar("int-or-string" if version >= ICMP_TYPE_NAMES else "uint8", "uint8")
    root = "ICMPField" if version >= ICMP_TYPE_NAMES else ""
    field = _Struct("api.ICMPField", {"family": _STRING, "type": number}, root=root)
    return _List(_Struct("api.ICMPRule", {"fields": _List(field, "[]api.ICMPField")}), "api.ICMPRules")


@cache
def _network_policy() -> _Struct:
    port = _Struct(
        "v1.NetworkPolicyPort",
        {
            "protocol": _Scalar("string", "v1.Protocol"),
            "port": _Scalar("int-or-string", "intstr.IntOrString"),
            "endPort": _Scalar("int32", "int32"),
        },
    )
    peer = _Struct(
        "v1.NetworkPolicyPeer",
        {
            "podSelector": _LABEL_SELECTOR,
            "namespaceSelector": _LABEL_SELECTOR,
            "ipBlock": _Struct("v1.IPBlock", {"cidr": _STRING, "except": _STRINGS}),
        },
    )
    ports, peers = _List(port, "[]v1.NetworkPolicyPort"), _List(peer, "[]v1.NetworkPolicyPeer")
    ingress = _Struct("v1.NetworkPolicyIngressRule", {"ports": ports, "from": peers})
    egress = _Struct("v1.NetworkPolicyEgressRule", {"ports": ports, "to": peers})
    spec = _Struct(
        "v1.NetworkPolicySpec",
        {
            "podSelector": _LABEL_SELECTOR,
            "ingress": _List(ingress, "[]v1.NetworkPolicyIngressRule"),
            "egress": _List(egress, "[]v1.NetworkPolicyEgressRule"),
            "policyTypes": _List(_Scalar("string", "v1.PolicyType"), "[]v1.PolicyType"),
        },
    )
    return _Struct("", {"metadata": _OBJECT_META, "spec": spec})
