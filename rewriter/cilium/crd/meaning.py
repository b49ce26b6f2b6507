"""What a policy means once the API server has dropped a field that it does not know, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rewriter.cilium.crd.check import pruned
from rewriter.cilium.policy import DENY_PEER_FIELDS, KNP, PEER_FIELDS
from rewriter.cilium.version import Version

_LISTS = ("ingress", "ingressDeny", "egress", "egressDeny")


def without_field(manifest: Mapping[str, Any], version: Version, route: str, base: str = "") -> str:
    """What is left of the rule that holds an unknown field once the field is dropped: `the rule allows every port`.

    `route` is the field's JSON pointer, `base` that of the manifest. Empty where the field stands outside of rules.
    """
    tokens = [token.replace("~1", "/").replace("~0", "~") for token in route.removeprefix(base).split("/")[1:]]
    at = next((index for index, token in enumerate(tokens) if token in _LISTS), None)
    if at is None or at + 2 >= len(tokens) or tokens[0] not in ("spec", "specs"):
        return ""
    left = _value(pruned(manifest, version), tokens[: at + 2])
    if not isinstance(left, dict):
        return ""
    inside = _inside(pruned(manifest, version), tokens, at)
    if inside:
        return inside
    return _rule(left, tokens[at], network_policy=manifest.get("kind") == KNP)


def _inside(kept: Mapping[str, Any], tokens: list[str], at: int) -> str:
    """What an entry below the rule means where it is left empty."""
    for end in range(len(tokens) - 1, at + 3, -1):
        entry = _value(kept, tokens[:end])
        if not tokens[end - 1].isdigit():
            continue
        name = tokens[end - 2]
        if isinstance(entry, dict) and not entry:
            if name in ("toFQDNs", "dns"):
                return f"the entry of `{name}` is left without a name and matches none"
            if name == "ports":
                return "the entry of `ports` is left without a port"
            if name.endswith(("Endpoints", "Nodes")):
                return f"the selector in `{name}` is left empty and selects every pod it may"
            if name == "http":
                return "the entry of `http` is left empty and allows every request"
        if isinstance(entry, dict) and name == "toPorts" and not entry.get("ports"):
            return "the entry of `toPorts` is left without a port and allows nothing"
    return ""


def _rule(left: Mapping[str, Any], name: str, *, network_policy: bool) -> str:
    deny = name.endswith("Deny")
    verb = "denies" if deny else "allows"
    if network_policy:
        peers = bool(left.get("from") or left.get("to"))
        ports = bool(left.get("ports"))
    else:
        fields = (DENY_PEER_FIELDS if deny else PEER_FIELDS)[name.removesuffix("Deny")]
        peers = any(left.get(each) is not None for each in fields if not each.endswith("Requires"))
        ports = bool(left.get("toPorts") or left.get("icmps"))
    if peers and ports:
        return ""
    if peers:
        return f"the rule {verb} every port of its peers"
    if ports:
        return (
            f"the rule {verb} its ports to everybody"
            if name.startswith("e")
            else f"the rule {verb} everybody on its ports"
        )
    if network_policy:
        return "the rule allows everything"
    return f"the rule names no peer and no port, and {verb} nothing"


def _value(value: Any, tokens: list[str]) -> Any:
    for token in tokens:
        if isinstance(value, dict):
            value = value.get(token)
        elif isinstance(value, list) and token.isdigit() and int(token) < len(value):
            value = value[int(token)]
        else:
            return None
    return value
