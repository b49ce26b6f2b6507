"""What a policy asks for by name anywhere in it: deny rules, requirements, port names, CIDR groups, pod labels."""

from __future__ import annotations

import json
from typing import Any

from rewriter.cilium.by_identity import ByIdentity
from rewriter.cilium.digits import is_number
from rewriter.cilium.policy import EGRESS, Policy

_ASKED = frozenset(
    {
        "toServices",
        "ingressDeny",
        "egressDeny",
        "fromRequires",
        "toRequires",
        "port",
        "cidrGroupRef",
        "cidrGroupSelector",
        "matchLabels",
    }
)


def denies(policy: Policy) -> bool:
    """Whether a policy has deny rules."""
    return any(rules for name in ("ingressDeny", "egressDeny") for rules in values_of(policy, name))


def requires(policy: Policy) -> bool:
    """Whether a policy has fromRequires or toRequires."""
    return any(values_of(policy, "fromRequires")) or any(values_of(policy, "toRequires"))


def names_ports(policy: Policy) -> bool:
    """Whether a policy names a port."""
    key = ("names ports",)
    if key not in policy.answers:
        policy.answers[key] = any(not is_number(str(port)) for port in values_of(policy, "port"))
    found: bool = policy.answers[key]
    return found


def names_egress_ports(policy: Policy) -> bool:
    """Whether a policy that names a port has rules for egress."""
    return names_ports(policy) and any(rule.direction == EGRESS for rule in policy.rules())


def names_groups(policy: Policy) -> bool:
    """Whether a policy names CIDR groups."""
    return any(values_of(policy, name) for name in ("cidrGroupRef", "cidrGroupSelector"))


def asks_for_facts(policy: Policy) -> bool:
    """Whether it depends on more than a policy itself what its rules mean: on Services, CIDR groups or port names."""
    key = ("asks for facts",)
    if key not in policy.answers:
        asks = values_of(policy, "toServices") or names_groups(policy) or names_egress_ports(policy)
        policy.answers[key] = bool(asks)
    found: bool = policy.answers[key]
    return found


def pod_selections(policy: Policy) -> frozenset[str]:
    """The plain labels of each selector as JSON, without what says namespace or cluster; those of none left out."""
    key = ("pod selections",)
    if key not in policy.answers:
        known = _SELECTIONS.to(())
        found = set()
        for labels in values_of(policy, "matchLabels"):
            if id(labels) not in known:
                known[id(labels)] = labels, _selection(labels)
            found.add(known[id(labels)][1])
        policy.answers[key] = frozenset(found - {""})
    made: frozenset[str] = policy.answers[key]
    return made


#: What labels ask for, by the very mapping; policies do not change.
_SELECTIONS: ByIdentity[Any, str] = ByIdentity()


def _selection(labels: Any) -> str:
    if not isinstance(labels, dict):
        return ""
    plain = {
        key.removeprefix("k8s:").removeprefix("any:"): value
        for key, value in labels.items()
        if isinstance(key, str) and isinstance(value, str) and "io.kubernetes.pod" not in key
    }
    plain = {key: value for key, value in plain.items() if not key.startswith("io.cilium.") and ":" not in key}
    return json.dumps(plain, sort_keys=True) if plain else ""


def values_of(policy: Policy, name: str) -> list[Any]:
    """Every value that one of the `_ASKED` keys has, anywhere in the manifest."""
    key = ("values",)
    if key not in policy.answers:
        policy.answers[key] = found = {asked: list[Any]() for asked in _ASKED}
        for name_asked, value in _asked(policy.raw, _ITEMS.to(())):
            found[name_asked].append(value)
    values: list[Any] = policy.answers[key][name]
    return values


#: What items of lists hold, by the very item; policies do not change.
_ITEMS: ByIdentity[Any, list[tuple[str, Any]]] = ByIdentity()


def _asked(node: Any, known: dict[int, tuple[Any, list[tuple[str, Any]]]] | None = None) -> list[tuple[str, Any]]:
    """The asked keys in a value with their values, in order; those of items of its outermost lists are remembered."""
    found: list[tuple[str, Any]] = []
    if isinstance(node, dict):
        for key, value in node.items():
            if key in _ASKED:
                found.append((key, value))
            if isinstance(value, dict | list):
                found += _asked(value, known)
    elif isinstance(node, list):
        for item in node:
            if known is None or not isinstance(item, dict):
                found += _asked(item)
                continue
            if id(item) not in known:
                known[id(item)] = item, _asked(item)
            found += known[id(item)][1]
    return found
