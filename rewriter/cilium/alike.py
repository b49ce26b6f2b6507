"""Policies of which every release makes the same rules, as long as it accepts them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rewriter.cilium.digits import is_number
from rewriter.cilium.labels import NAMESPACE_LABEL, NAMESPACE_LABELS_PREFIX
from rewriter.cilium.peers import names_init
from rewriter.cilium.policy import KNP, Policy, Rule, Spec
from rewriter.cilium.selector import Requirement
from rewriter.cilium.stretches import Stretch, stretches_of

#: The question whether a policy, or some of its rules, read alike.
_ALIKE = ("reads alike",)
_OF_SPECS = frozenset(
    {"endpointSelector", "ingress", "ingressDeny", "egress", "egressDeny", "description", "labels", "log"}
)
_OF_RULES = frozenset(
    {
        *(f"{prefix}{kind}" for prefix in ("from", "to") for kind in ("Endpoints", "Entities", "CIDR", "CIDRSet")),
        "toFQDNs",
        "toPorts",
        "icmps",
    }
)
_OF_PORT_RULES = frozenset({"ports", "rules", "serverNames"})
_OF_PORTS = frozenset({"port", "protocol"})
_OF_L7_RULES = frozenset({"http", "dns"})
_OF_NETWORK_POLICY_RULES = frozenset({"from", "to", "ports"})


def reads_alike(policy: Policy) -> bool:
    """Whether all that a policy is made of means the same in every release; remembered.

    In a cluster without others that is so whether its agents add the local cluster to selectors or not. No for whatever
    is not known to: for each release in `cilium.version` that changes what a rule means, its field or its form is left
    out here. Whether a release accepts the policy is another question.
    """
    found: bool | None = policy.answers.get(_ALIKE)
    if found is None:
        spec = _network_policy if policy.kind == KNP else _spec
        found = policy.answers[_ALIKE] = all(map(spec, policy.specs))
    return found


def _spec(spec: Spec) -> bool:
    return (
        _OF_SPECS.issuperset(spec.raw)
        and spec.subject is not None
        and not names_init(spec.subject)
        and all(map(_rules, stretches_of(spec.rules)))
    )


def _rules(rules: Stretch[Rule]) -> bool:
    if _ALIKE not in rules.answers:
        rules.answers[_ALIKE] = all(map(_rule, rules))
    known: bool = rules.answers[_ALIKE]
    return known


def _rule(rule: Rule) -> bool:
    if not _OF_RULES.issuperset(rule.raw):
        return False
    for field in rule.peers:
        if field.name.endswith("Endpoints"):
            if not all(_endpoints(requirement) for s in field.selectors if s for requirement in s.requirements):
                return False
        elif field.name.endswith("CIDRSet"):
            if not all(isinstance(entry, Mapping) and entry.get("cidr") for entry in field.entries):
                return False
        elif field.name == "toFQDNs" and not all(map(_name, field.entries)):
            return False
    return all(map(_ports, _items(rule.raw.get("toPorts"))))


def _endpoints(requirement: Requirement) -> bool:
    """Whether a requirement on peers leaves the namespace to be added, or says in which they are."""
    if requirement.key == NAMESPACE_LABEL:
        return requirement.operator in ("In", "Exists")
    return not requirement.key.startswith(NAMESPACE_LABELS_PREFIX)


def _name(entry: Any) -> bool:
    """Whether an entry names DNS names without two stars in a row, which some releases read as labels of any number."""
    return not isinstance(entry, Mapping) or "**" not in str(entry.get("matchPattern"))


def _ports(item: Any) -> bool:
    if not isinstance(item, Mapping):
        return item is None
    rules = item.get("rules") or {}
    return (
        _OF_PORT_RULES.issuperset(item)
        and all(isinstance(port, Mapping) and _port(port) for port in _items(item.get("ports")))
        and isinstance(rules, Mapping)
        and _OF_L7_RULES.issuperset(rules)
        and all(map(_name, _items(rules.get("dns"))))
    )


def _port(port: Mapping[str, Any]) -> bool:
    """Whether a port is no range and has no name, of which it depends on the release whose name it is."""
    return _OF_PORTS.issuperset(port) and is_number(str(port.get("port") or 0))


def _network_policy(spec: Spec) -> bool:
    return all(map(_network_policy_rule, spec.rules))


def _network_policy_rule(rule: Rule) -> bool:
    peers = [peer for field in rule.peers for peer in field.entries]
    return (
        _OF_NETWORK_POLICY_RULES.issuperset(rule.raw)
        and all(map(_network_policy_peer, peers))
        and all(isinstance(port, Mapping) and _port(port) for port in _items(rule.raw.get("ports")))
    )


def _network_policy_peer(peer: Any) -> bool:
    if not isinstance(peer, Mapping) or "ipBlock" in peer:
        return False
    namespaces = peer.get("namespaceSelector") or {}
    return isinstance(namespaces, Mapping) and not namespaces.get("matchExpressions")


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
