"""The other side of a rule that names pods: which of its ports are refused there, and how its subject is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rewriter.cilium.digits import is_number
from rewriter.cilium.labels import ANY, CLUSTER_LABEL, K8S, NAMESPACE_LABEL, NAMESPACE_NAME_LABEL, split_key
from rewriter.cilium.nodes import PortProtocol, PortRule
from rewriter.cilium.policy import EGRESS, KNP, Policy, Rule
from rewriter.cilium.selector import Selector, read_selector
from rewriter.cilium.verdict import DEFAULT_DENY
from rewriter.evidence.context import Context
from rewriter.evidence.listening import listens, services_before
from rewriter.evidence.mesh import namespace_key
from rewriter.evidence.reachable import identity_of, reach_of_workload
from rewriter.evidence.unknown_labels import may_be_meant
from rewriter.inventory.facts.model import Workload
from rewriter.passes.kit.changes.forms import Form, list_of, members_of
from rewriter.passes.kit.sides.rule_pairs import NamedPeer
from rewriter.text import selector_text

_DNS = 53
#: A port that stands for all where neither a rule nor a container names one.
_ANY_PORT = 8080


def refused_ports(
    context: Context, named: NamedPeer, workload: Workload, other: Workload, direction: str
) -> Sequence[PortProtocol] | None:
    """The ports, as the other side's rule writes them, on which the policies of a workload refuse what it opens.

    `direction` is that of the workload: EGRESS, where the other side's rule lets it in. Empty where the rule opens
    every port and all are refused. None where some are not, or it is not certain. A rule for a whole namespace, and one
    whose ports are for several peers, is at work for a pod as soon as one of its ports is: None there too. So is a port
    whose other protocol passes.
    """
    receiver = other if direction == EGRESS else workload
    ports = _ports(named.written)
    if ports is None:
        return None
    if not ports:
        numbers = _all_numbers(context, workload, receiver, direction)
        everything = all(
            _is_refused(context, workload, other, direction, protocol, number) for protocol, number in numbers
        )
        return () if everything else None
    refused: list[PortProtocol] = []
    passing: list[PortProtocol] = []
    for port in ports:
        flows = [(protocol, number) for protocol, number in _flows(port, named.rule.policy.kind, receiver)]
        if not flows or any(_is_unheard(context, receiver, *flow) for flow in flows):
            continue
        if all(_is_refused(context, workload, other, direction, *flow) for flow in flows):
            refused.append(port)
        else:
            passing.append(port)
    if passing and (not named.by_labels or sum(len(field.entries) for field in named.written.peers) > 1):
        return None
    passed = {port.port for port in passing}
    return [port for port in refused if port.port not in passed] or None


def is_heard(context: Context, named: NamedPeer, port: PortProtocol, receiver: Workload) -> bool:
    """Whether a receiver is known to listen on a port that a rule writes."""
    flows = _flows(port, named.rule.policy.kind, receiver)
    return any(listens(context, receiver, protocol, number) for protocol, number in flows)


def is_dns(rule: Rule) -> bool:
    """Whether a rule is about DNS alone."""
    ports = _ports(rule) or ()
    return bool(ports) and all(port.port == str(_DNS) for port in ports)


def _is_unheard(context: Context, receiver: Workload, protocol: str, number: int) -> bool:
    """Whether a flow is DNS, or goes to a port on which nothing listens: other passes report these."""
    if number == _DNS:
        return True
    heard = listens(context, receiver, protocol, number)
    return heard is False or (heard is None and _is_in_front(context, receiver, number))


def _is_in_front(context: Context, receiver: Workload, number: int) -> bool:
    """Whether a Service has the port in front of another one of the pods: `service-port` says so."""
    before = [port for service in services_before(context, receiver) for port in service.ports]
    return any(port.port == number != port.target for port in before)


def _is_refused(
    context: Context, workload: Workload, other: Workload, direction: str, protocol: str, number: int
) -> bool:
    """Whether the other side lets a flow through for certain, and the workload's default deny stops it for certain."""
    back = "ingress" if direction == EGRESS else "egress"
    there = reach_of_workload(context, other).verdict(back, identity_of(context, workload), protocol, number)
    if not (there.allowed and there.certain):
        return False
    here = reach_of_workload(context, workload).verdict(direction, identity_of(context, other), protocol, number)
    if here.allowed or not here.certain or here.reason != DEFAULT_DENY or here.depends_on:
        return False
    return not may_be_meant(context, reach_of_workload(context, workload), direction, other)


def _ports(rule: Rule) -> Sequence[PortProtocol] | None:
    """The ports of a rule; empty where it opens every port, None where it has other than TCP, UDP and SCTP ports."""
    if "icmps" in rule.members:
        return None
    if not rule.port_rules:
        return []
    items = [item for item in rule.port_rules if isinstance(item, PortRule)]
    ports = [port for item in items for port in item.ports if isinstance(port, PortProtocol)]
    if not ports or any(port.port in ("", "0") for port in ports):
        return None
    return ports


def _flows(port: PortProtocol, kind: str, receiver: Workload) -> Iterator[tuple[str, int]]:
    """The flows of one port to a receiver: each protocol and number that it stands for there."""
    written = port.protocol or ("TCP" if kind == KNP else "ANY")
    if not is_number(port.port):
        for other in receiver.ports:
            if other.name == port.port and written in ("ANY", other.protocol):
                yield other.protocol, other.number
        return
    low, end = int(port.port), port.end
    protocols = ("TCP", "UDP") if written == "ANY" else (written,)
    if end > low:
        declared = [port for port in receiver.ports if low <= port.number <= end and port.protocol in protocols]
        yield from ((port.protocol, port.number) for port in declared)
        return
    known = [port.protocol for port in receiver.ports if port.number == low and port.protocol in protocols]
    yield from ((protocol, low) for protocol in known or protocols)


def _all_numbers(context: Context, workload: Workload, receiver: Workload, direction: str) -> set[tuple[str, int]]:
    """The ports on which a flow is tried: those that the receiver declares, and those of any rule."""
    found = {(port.protocol, port.number) for port in receiver.ports}
    for rule in reach_of_workload(context, workload).rules(direction):
        for grant in rule.entry.ports:
            number = grant.match.low or _ANY_PORT
            found |= {(protocol, number) for protocol in ("TCP", "UDP") if grant.match.covers(protocol, number, ())}
    return found or {("TCP", _ANY_PORT)}


def peer_of_subject(policy: Policy, named: NamedPeer, workloads: Sequence[Workload]) -> tuple[Form, str] | None:
    """The subject of a rule as a peer in another policy, and in words; None where no selector says it."""
    namespaces = {workload.namespace for workload in workloads}
    spec = next((s for s in named.rule.policy.specs if named.written.route.startswith(f"{s.route}/")), None)
    if spec is None or len(namespaces) != 1:
        return None
    raw = spec.raw.get("podSelector" if named.rule.policy.kind == KNP else "endpointSelector") or {}
    selector = read_selector(raw, "")
    if selector is None or any(not _can_move(r.source, r.key, named, policy) for r in selector.requirements):
        return None
    (namespace,) = namespaces
    entry = _as_peer(policy, named.rule.policy.kind, raw, namespace)
    conditions = selector_text(Selector("", tuple(r for r in selector.requirements if r.key != NAMESPACE_LABEL)))
    return entry, f"pods {conditions} in {namespace}" if conditions else f"every pod in {namespace}"


def _can_move(source: str, key: str, named: NamedPeer, policy: Policy) -> bool:
    own = source in (ANY, K8S) and not key.startswith("io.cilium.k8s.") and key != CLUSTER_LABEL
    return own and not (policy.kind == KNP and key == NAMESPACE_LABEL and named.rule.policy.clusterwide)


def _as_peer(policy: Policy, kind: str, raw: Mapping[str, object], namespace: str) -> Form:
    labels, expressions = _labels(raw), _expressions(raw)
    if policy.kind == KNP:
        labels = {_bare(key, kind): value for key, value in labels.items()}
        expressions = [{**expression, "key": _bare(str(expression["key"]), kind)} for expression in expressions]
    elif namespace != policy.namespace:
        labels = {namespace_key(policy): namespace, **labels}
    entry: Form = {
        **({"matchLabels": labels} if labels else {}),
        **({"matchExpressions": expressions} if expressions else {}),
    }
    if policy.kind != KNP:
        return entry
    if namespace == policy.namespace:
        return {"podSelector": entry}
    return {"namespaceSelector": {"matchLabels": {NAMESPACE_NAME_LABEL: namespace}}, "podSelector": entry}


def _labels(raw: Mapping[str, object]) -> Form:
    labels = members_of(raw.get("matchLabels"))
    return {key: value for key, value in labels.items() if split_key(key)[1] != NAMESPACE_LABEL}


def _expressions(raw: Mapping[str, object]) -> list[Form]:
    expressions = [members_of(expression) for expression in list_of(raw.get("matchExpressions"))]
    return [dict(expression) for expression in expressions if split_key(str(expression["key"]))[1] != NAMESPACE_LABEL]


def _bare(key: str, kind: str) -> str:
    return key if kind == KNP else split_key(key)[1]
