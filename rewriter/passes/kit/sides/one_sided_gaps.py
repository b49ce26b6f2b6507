"""Flows that one side allows and the other refuses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rewriter.cilium.nodes import PortProtocol
from rewriter.cilium.policy import EGRESS, INGRESS
from rewriter.evidence.context import Context
from rewriter.evidence.databases import may_be_let_in_unseen
from rewriter.evidence.reachable import reach_of_workload
from rewriter.inventory.facts.model import Workload
from rewriter.passes.kit.sides.other_side import is_dns, is_heard, refused_ports
from rewriter.passes.kit.sides.rule_pairs import NamedPeer, naming
from rewriter.records import dataclass

_OTHER = {EGRESS: INGRESS, INGRESS: EGRESS}


@dataclass(frozen=True, slots=True)
class Gap:
    """Rules of the other side, the workloads of that side and the ports (as written there) that they open in vain.

    No ports: one of the rules opens every port.
    """

    rules: tuple[NamedPeer, ...]
    others: tuple[Workload, ...]
    ports: tuple[PortProtocol, ...]

    @property
    def named(self) -> NamedPeer:
        """The first of the rules."""
        return self.rules[0]


@dataclass(slots=True)
class _Pair:
    """What all rules of another workload open in vain: `ports` are None where that is every port."""

    other: Workload
    rules: list[NamedPeer]
    ports: dict[str, PortProtocol] | None

    def add(self, named: NamedPeer, ports: Sequence[PortProtocol]) -> None:
        self.rules.append(named)
        if self.ports is not None:
            self.ports = self.ports | {str(port.written): port for port in ports} if ports else None


def gaps_of(context: Context, workload: Workload, direction: str) -> Iterator[Gap]:
    """What other sides open for a workload, and its own policies do not let through: each pair of workloads once.

    Workloads for which the same rules open the same ports are one gap.
    """
    if direction == INGRESS and may_be_let_in_unseen(context, workload):
        return
    pairs: dict[int, _Pair] = {}
    for named in naming(context, _OTHER[direction], workload):
        refused = [(other, _refused(context, named, workload, other, direction)) for other in named.subjects]
        if not named.subject_by_labels and any(ports is None for _, ports in refused):
            continue
        at_work = direction == EGRESS and any(ports is None and other is not workload for other, ports in refused)
        for other, ports in refused:
            # A rule for several pods is at work as soon as one gets through; the ports may be of that one alone.
            if at_work and ports and not any(is_heard(context, named, port, other) for port in ports):
                continue
            if ports is None or _is_reported_at_egress(context, workload, other, direction):
                continue
            pairs.setdefault(id(other), _Pair(other, [], {})).add(named, ports)
    groups: dict[tuple[object, ...], list[_Pair]] = {}
    for pair in pairs.values():
        key = (*map(id, pair.rules), *(pair.ports or ("every port",)))
        groups.setdefault(key, []).append(pair)
    for group in groups.values():
        first = group[0]
        yield Gap(tuple(first.rules), tuple(pair.other for pair in group), tuple((first.ports or {}).values()))


def _refused(
    context: Context, named: NamedPeer, workload: Workload, other: Workload, direction: str
) -> Sequence[PortProtocol] | None:
    """The ports of the other side's rule that the workload's policies refuse; None where there is nothing to say."""
    if other is workload or not _same_cluster(workload, other):
        return None
    ports = refused_ports(context, named, workload, other, direction)
    if ports and _is_answered(context, workload, other, direction):
        receiver = other if direction == EGRESS else workload
        ports = [port for port in ports if is_heard(context, named, port, receiver)] or None
    if ports is None:
        return None
    # Of a whole namespace the pods on the host network may be meant, which no rule for pods reaches.
    if not named.by_labels and any(
        other.namespace == workload.namespace for other in context.inventory.workloads_on_nodes()
    ):
        return None
    # A rule for several pods is at work as soon as one of them gets through.
    for peer in named.peers:
        if peer is not workload and refused_ports(context, named, peer, other, direction) is None:
            return None
    return ports


def _is_answered(context: Context, workload: Workload, other: Workload, direction: str) -> bool:
    """Whether a rule of the workload names the other side, on other ports: one of both is about the wrong port."""
    return any(
        named.by_labels and not is_dns(named.written) and any(subject is workload for subject in named.subjects)
        for named in naming(context, direction, other)
    )


def _is_reported_at_egress(context: Context, workload: Workload, other: Workload, direction: str) -> bool:
    """Whether a rule is missing at the sender of a pair as well: the pair is reported there."""
    if direction == EGRESS:
        return False
    for named in naming(context, INGRESS, other):
        here = any(subject is workload for subject in named.subjects)
        if here and _refused(context, named, other, workload, EGRESS) is not None:
            return reach_of_workload(context, other).denied_by_default(EGRESS)
    return False


def _same_cluster(one: Workload, other: Workload) -> bool:
    return None in (one.cluster, other.cluster) or one.cluster == other.cluster
