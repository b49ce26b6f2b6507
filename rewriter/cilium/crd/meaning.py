"""What a policy means once the API server has dropped a field that it does not know, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rewriter.cilium.crd.check import SchemaProblem, pruned
from rewriter.cilium.crd.near import fields_meant, nearest_fields
from rewriter.cilium.policy import DENY_PEER_FIELDS, KNP, PEER_FIELDS
from rewriter.cilium.version import Version

_LISTS = ("ingress", "ingressDeny", "egress", "egressDeny")


def without_field(manifest: Mapping[str, Any], version: Version, problem: SchemaProblem, base: str = "") -> str:
    """What is left of the rule once an unknown field in it is dropped: `the rule allows every port of its peers`.

    `base` is the JSON pointer of the manifest. Empty where the field stands outside of rules, or where what was meant
    by it is not known.
    """
    tokens = [token.replace("~1", "/").replace("~0", "~") for token in problem.route.removeprefix(base).split("/")[1:]]
    at = next((index for index, token in enumerate(tokens) if token in _LISTS), None)
    if at is None or at + 2 >= len(tokens) or tokens[0] not in ("spec", "specs"):
        return ""
    stored = pruned(manifest, version)
    left = _value(stored, tokens[: at + 2])
    if not isinstance(left, dict):
        return ""
    inside = _inside(stored, tokens, at)
    if inside:
        return inside
    names = {each.name for each in fields_meant(problem, manifest, version, base)}
    names |= set(nearest_fields(problem, manifest, base))
    return _rule(left, tokens[at], names, network_policy=manifest.get("kind") == KNP)


def _inside(stored: Mapping[str, Any], tokens: list[str], at: int) -> str:
    """What an entry below the rule means where it is left empty."""
    for end in range(len(tokens) - 1, at + 3, -1):
        entry = _value(stored, tokens[:end])
        if not tokens[end - 1].isdigit() or not isinstance(entry, dict):
            continue
        name = tokens[end - 2]
        if not entry and name in ("toFQDNs", "dns"):
            return f"the entry of `{name}` is left without a name and matches none"
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
    peers = any(left.get(each) is not None for each in peer_fields if not each.endswith("Requires"))
    ports = any(left.get(each) for each in port_fields)
    if not peers and not ports:
        return (
            "the rule allows everything"
            if network_policy
            else f"the rule names no peer and no port, and {verb} nothing"
        )
    if meant & set(peer_fields) and not peers:
        who = "everybody" if name.startswith("in") else "every destination"
        return f"the rule {verb} {who} on its ports"
    if meant & {*port_fields, "ports"} and not ports:
        return f"the rule {verb} every port of its peers"
    return "the rule asks for no authentication" if "authentication" in meant else ""


def _value(value: Any, tokens: list[str]) -> Any:
    for token in tokens:
        if isinstance(value, dict):
            value = value.get(token)
        elif isinstance(value, list) and token.isdigit() and int(token) < len(value):
            value = value[int(token)]
        else:
            return None
    return value
