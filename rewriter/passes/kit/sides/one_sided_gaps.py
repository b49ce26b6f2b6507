"""Flows that one side allows and the other refuses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rewriter.cilium.nodes import PortProtocol
from rewriter.cilium.policy import EGRESS, INGRESS
from rewriter.evidence.context import Context
from rewriter.evidence.reachable import reach_of_workload
from rewriter.inventory.facts.model import Workload
from rewriter.passes.kit.sides.other_side import refused_ports
from rewriter.passes.kit.sides.rule_pairs import NamedPeer, naming

_OTHER = {EGRESS: INGRESS, INGRESS: EGRESS}


@dataclass(frozen=True, slots=True)
class Gap:
    """A rule of the other side, the workloads of that side and the ports (as written there) that it opens in vain.

    No ports: the rule opens every port.
    """

    named: NamedPeer
    others: tuple[Workload, ...]
    ports: tuple[PortProtocol, ...]


def gaps_of(context: Context, workload: Workload, direction: str) -> Iterator[Gap]:
    """What other sides open for a workload, and its own policies do not let through."""
    reported: set[int] = set()
    for named in naming(context, _OTHER[direction], workload):
        refused = [(other, _refused(context, named, workload, other, direction)) for other in named.subjects]
        if not named.subject_by_labels and any(ports is None for _, ports in refused):
            continue
        found = [(other, ports) for other, ports in refused if ports is not None and id(other) not in reported]
        found = [
            (other, ports) for other, ports in found if not _is_reported_at_egress(context, workload, other, direction)
        ]
        if not found:
            continue
        reported |= {id(other) for other, _ in found}
        ports = [port for _, each in found for port in each]
        yield Gap(
            named, tuple(other for other, _ in found), tuple({str(port.written): port for port in ports}.values())
        )


def _refused(
    context: Context, named: NamedPeer, workload: Workload, other: Workload, direction: str
) -> Sequence[PortProtocol] | None:
    """The ports of the other side's rule that the workload's policies refuse; None where there is nothing to say."""
    if other is workload or not _same_cluster(workload, other):
        return None
    ports = refused_ports(context, named, workload, other, direction)
    if ports is None or named.by_labels:
        return ports
    # Of a whole namespace the pods on the host network may be meant, which no rule for pods reaches.
    if any(each.namespace == workload.namespace for each in context.inventory.workloads_on_nodes()):
        return None
    # A rule for a whole namespace is at work as soon as one pod there gets through.
    for peer in named.peers:
        if peer is not workload and refused_ports(context, named, peer, other, direction) is None:
            return None
    return ports


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
