"""Selectors, subjects and ports in the words of findings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rewriter.cilium.nodes import PortProtocol
from rewriter.cilium.policy import KNP, PeerField, Policy, Rule, Spec
from rewriter.cilium.selector import Requirement, Selector, read_selector

_MOST = 6


def join_names(items: Iterable[object], *, most: int | None = _MOST) -> str:
    """`a`, `a and b`, `a, b and c`; of more than `most`, how many are left out."""
    texts = [str(item) for item in dict.fromkeys(items)]
    if most is not None and len(texts) > most:
        texts = [*texts[: most - 1], f"{len(texts) - most + 1} more"]
    if len(texts) < 2:
        return "".join(texts)
    return f"{', '.join(texts[:-1])} and {texts[-1]}"


def join_flows(flows: Iterable[object], *, most: int) -> str:
    """Flows on one line, with semicolons; of more than `most`, how many are left out."""
    texts = [str(flow) for flow in flows]
    return "; ".join(texts[:most]) + (f"; and {len(texts) - most} more" if len(texts) > most else "")


def short_text(text: str, most: int = 70) -> str:
    """A text of a person on one line; of more than `most` characters, its beginning."""
    text = " ".join(text.split())
    return text if len(text) <= most else f"{text[: most - 1]}…"


def selector_text(selector: Selector | None) -> str:
    """A selector as its conditions: `app=web, tier in (a, b)`; empty for one that selects everything."""
    return ", ".join(requirement_text(requirement) for requirement in selector.requirements) if selector else ""


def requirement_text(requirement: Requirement) -> str:
    match requirement.operator:
        case "In" if len(requirement.values) == 1:
            return f"{requirement.written_key}={requirement.values[0]}"
        case "In":
            return f"{requirement.written_key} in ({', '.join(requirement.values)})"
        case "NotIn":
            return f"{requirement.written_key} not in ({', '.join(requirement.values)})"
        case "Exists":
            return requirement.written_key
        case _:
            return f"no {requirement.written_key}"


def subject_text(policy: Policy, spec: Spec) -> str:
    """Whom a rule set selects: `pods app=web in shop`, `every pod in shop`, `nodes role=edge`."""
    if spec.subject is None and spec.node_subject is not None:
        return f"nodes {selector_text(spec.node_subject)}".strip() if spec.node_subject.requirements else "every node"
    conditions = selector_text(spec.subject)
    pods = f"pods {conditions}" if conditions else "every pod"
    return f"{pods} in {policy.namespace}" if policy.namespace else f"{pods} in any namespace"


def ports_text(rule: Rule) -> str:
    """On which ports a rule is: ` on 80/TCP and 53`; empty where it names none."""
    items = [item.get("ports") for item in rule.to_ports] if "ports" not in rule.raw else [list(rule.to_ports)]
    ports = [port for ports in items if isinstance(ports, list) for port in ports if isinstance(port, dict)]
    texts = [port_text(port) for port in ports]
    return f" on {join_names(texts)}" if texts else ""


def port_text(port: Mapping[str, Any] | PortProtocol) -> str:
    """One item of `ports`: `80/TCP`, `1000-2000/UDP`, `http`."""
    written = port.written if isinstance(port, PortProtocol) else port
    number, end, protocol = (written.get(name) for name in ("port", "endPort", "protocol"))
    text = "every port" if number in (None, "0") else f"{number}-{end}" if end else str(number)
    return f"{text}/{protocol}" if protocol else text


def peers_text(field: PeerField) -> str:
    """Whom a peer field means: `pods app=web`, `the API server`, `10.0.0.0/8 and 192.0.2.7/32`."""
    return join_names(_peer_text(field, index) for index in range(len(field.entries)))


def _peer_text(field: PeerField, index: int) -> str:
    entry = field.entries[index]
    if field.selectors:
        conditions = selector_text(field.selectors[index])
        kind = "nodes" if field.name.endswith("Nodes") else "pods"
        return f"{kind} {conditions}" if conditions else f"every {kind[:-1]}"
    if field.name.endswith("Entities"):
        return "the API server" if entry == "kube-apiserver" else f"the entity `{entry}`"
    if not isinstance(entry, dict):
        return str(entry)
    if "matchName" in entry or "matchPattern" in entry:
        return str(entry.get("matchName") or entry.get("matchPattern"))
    if field.name in ("from", "to"):
        return _network_policy_peer_text(entry)
    service = entry.get("k8sService")
    if isinstance(service, dict):
        return f"Service {service.get('namespace', '*')}/{service.get('serviceName', '*')}"
    return str(entry.get("cidr") or entry.get("cidrGroupRef") or f"an entry of `{field.name}`")


def _network_policy_peer_text(entry: Mapping[str, Any]) -> str:
    block = entry.get("ipBlock")
    if isinstance(block, dict):
        return str(block.get("cidr"))
    pods = selector_text(read_selector(entry.get("podSelector"), ""))
    text = f"pods {pods}" if pods else "every pod"
    if "namespaceSelector" not in entry:
        return text
    namespaces = selector_text(read_selector(entry["namespaceSelector"], ""))
    return f"{text} of namespaces {namespaces}" if namespaces else f"{text} of any namespace"


def rule_text(rule: Rule) -> str:
    """A rule in words: `a rule from pods app=web on 80/TCP`, `a deny rule to the entity `world``."""
    kind = "a deny rule" if rule.deny else "a rule"
    peers = join_names(peers_text(field) for field in rule.peers if field.entries)
    preposition = "from" if rule.direction == "ingress" else "to"
    return f"{kind}{f' {preposition} {peers}' if peers else ''}{ports_text(rule)}"


def flow_text(policy: Policy, spec: Spec, rule: Rule, peers: str) -> str:
    """The flows of a rule with the given peers: `from nodes to pods app=web in shop on 80/TCP`."""
    subject = subject_text(policy, spec)
    if policy.kind == KNP and not spec.subject:
        subject = f"every pod in {policy.namespace}"
    ends = f"from {peers} to {subject}" if rule.direction == "ingress" else f"from {subject} to {peers}"
    return ends + ports_text(rule)


def policy_text(policy: Policy) -> str:
    """A policy by kind and name: `CiliumNetworkPolicy prod/db`."""
    return f"{policy.kind} {policy.namespace}/{policy.name}" if policy.namespace else f"{policy.kind} {policy.name}"
