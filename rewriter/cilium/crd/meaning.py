"""What a policy means once the API server has dropped a field that it does not know, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rewriter.cilium.crd.check import SchemaProblem, pruned
from rewriter.cilium.crd.near import fields_meant, nearest_fields
from rewriter.cilium.digits import is_number
from rewriter.cilium.policy import CCNP, CNP, DENY_PEER_FIELDS, KNP, PEER_FIELDS
from rewriter.cilium.version import Version

_LISTS = ("ingress", "ingressDeny", "egress", "egressDeny")
_SUBJECTS = ("endpointSelector", "nodeSelector", "podSelector")


def without_field(manifest: Mapping[str, Any], version: Version, problem: SchemaProblem, base: str = "") -> str:
    """What is left of the rule once an unknown field in it is dropped: `the rule allows every port of its peers`.

    `base` is the JSON pointer of the manifest. Empty where what was meant by the field is not known.
    """
    if manifest.get("kind") not in (CNP, CCNP, KNP):
        return ""
    tokens = [token.replace("~1", "/").replace("~0", "~") for token in problem.route.removeprefix(base).split("/")[1:]]
    at = next((index for index, token in enumerate(tokens) if token in _LISTS), None)
    stored = pruned(manifest, version)
    names = {meant.name for meant in fields_meant(problem, manifest, version, base)}
    names |= set(nearest_fields(problem, manifest, base))
    if at is None or at + 2 >= len(tokens) or tokens[0] not in ("spec", "specs"):
        return _outside(stored, tokens, names)
    left = _value(stored, tokens[: at + 2])
    if not isinstance(left, dict):
        return ""
    inside = _inside(stored, tokens, at) or _limit_lost(stored, tokens, names, deny=tokens[at].endswith("Deny"))
    if inside:
        return inside
    return _rule(left, tokens[at], names, network_policy=manifest.get("kind") == KNP)


def _outside(stored: Mapping[str, Any], tokens: list[str], names: set[str]) -> str:
    """What is left of a policy where the field stands outside of its rules."""
    key, network_policy = tokens[-1], stored.get("kind") == KNP
    where = tokens[:-1] if tokens[0] in ("spec", "specs") else ["spec"]
    spec = _value(stored, where)
    if len(where) > 1 and where[-1] in _SUBJECTS:
        return f"`{where[-1]}` is left empty and selects {_everybody(stored)}" if spec == {} else ""
    if not isinstance(spec, dict):
        return ""
    lists = [name for name in _LISTS if name in names | {key} and not spec.get(name)]
    if lists and not (network_policy and lists[0].endswith("Deny")):
        types = spec.get("policyTypes") or ("Ingress", *(("Egress",) if spec.get("egress") else ()))
        shut = network_policy and lists[0].capitalize() in types
        return f"the policy is left without `{lists[0]}` rules" + (f" and denies all {lists[0]}" if shut else "")
    if network_policy and "podSelector" not in spec and (key in _SUBJECTS or "podSelector" in names):
        return f"the policy selects {_everybody(stored)}"
    if network_policy and "policyTypes" in names:
        rules = " and egress" if spec.get("egress") else ""
        return f"the policy restricts ingress{rules}, as its rules say"
    if key == "enableDefaultDeny":
        return "default deny holds in every direction that has rules"
    return ""


def _everybody(stored: Mapping[str, Any]) -> str:
    return "every pod" if stored.get("kind") == CCNP else "every pod of the namespace"


def _limit_lost(stored: Mapping[str, Any], tokens: list[str], names: set[str], *, deny: bool) -> str:
    """What an entry below a rule means that loses a limit of its own."""
    key, above = tokens[-1], tokens[-3] if len(tokens) > 2 else ""
    meant = names | {key}
    entry = _value(stored, tokens[:-1])
    if not is_number(tokens[-2]) or not isinstance(entry, dict):
        return ""
    verb = "denied" if deny else "allowed"
    if above.endswith("CIDRSet") and "except" in meant and entry.get("cidr"):
        return "the whole range is meant, without exceptions"
    port = entry.get("port")
    if above == "ports" and key == "endPort" and isinstance(port, str | int) and not isinstance(port, bool):
        return f"only the port {port} is meant"
    if above in ("ports", "toPorts") and meant & {"rules", "http", "dns", "kafka"} and not entry.get("rules"):
        return f"every request on the port is {verb}"
    if above == "toPorts" and "serverNames" in meant and not entry.get("serverNames"):
        return f"every TLS server name is {verb} on the port"
    return ""


def _inside(stored: Mapping[str, Any], tokens: list[str], at: int) -> str:
    """What an entry below the rule means where it is left empty."""
    for end in range(len(tokens) - 1, at + 3, -1):
        entry = _value(stored, tokens[:end])
        if tokens[end - 1] in ("namespaceSelector", "podSelector") and entry == {}:
            whom = "namespace" if tokens[end - 1] == "namespaceSelector" else "pod it may"
            return f"`{tokens[end - 1]}` is left empty and selects every {whom}"
        if not is_number(tokens[end - 1]) or not isinstance(entry, dict):
            continue
        name = tokens[end - 2]
        if not entry and name in ("toFQDNs", "dns"):
            return f"the entry of `{name}` is left without a name and matches none"
        if name == "toServices" and not any(entry.values()):
            return "the entry of `toServices` names no Service"
        if not entry and name == "ports":
            return "the entry of `ports` is left without a port"
        if not entry and name.endswith(("Endpoints", "Nodes")):
            return f"the selector in `{name}` is left empty and selects every pod it may"
        if not entry and name == "http":
            return "the entry of `http` is left empty and allows every request"
        if name == "toPorts" and not entry.get("ports"):
            return "the entry of `toPorts` is left without a port and allows nothing"
    return ""


def _rule(left: Mapping[str, Any], name: str, meant: set[str], *, network_policy: bool) -> str:
    deny = name.endswith("Deny")
    verb = "denies" if deny else "allows"
    if network_policy:
        peer_fields: tuple[str, ...] = ("from", "to")
        port_fields: tuple[str, ...] = ("ports",)
    else:
        peer_fields = (DENY_PEER_FIELDS if deny else PEER_FIELDS)[name.removesuffix("Deny")]
        port_fields = ("toPorts", "icmps")
    peers = any(left.get(peer_field) is not None for peer_field in peer_fields if not peer_field.endswith("Requires"))
    ports = any(left.get(port_field) for port_field in port_fields)
    if not peers and not ports:
        return (
            "the rule allows everything"
            if network_policy
            else f"the rule names no peer and no port, and {verb} nothing"
        )
    if meant & set(peer_fields) and not peers:
        who = "every source" if name.startswith("in") else "every destination"
        return f"the rule {verb} {who} on its ports"
    if meant & {*port_fields, "ports"} and not ports:
        return f"the rule {verb} every port of its peers"
    return "the rule asks for no authentication" if "authentication" in meant else ""


def _value(value: Any, tokens: list[str]) -> Any:
    for token in tokens:
        if isinstance(value, dict):
            value = value.get(token)
        elif isinstance(value, list) and is_number(token) and int(token) < len(value):
            value = value[int(token)]
        else:
            return None
    return value
