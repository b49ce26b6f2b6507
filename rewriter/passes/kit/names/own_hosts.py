"""Hosts of the cluster's own Gateways and load balancers that pods use, and that a rule for the world does not reach.

The address of a Gateway is translated before policy is judged. Of Cilium's own Gateway the client reaches the entity
`ingress`, and its Envoy holds the pods' own egress rules against the pods that the route leads to (Cilium
pkg/envoy/xds, cilium/cilium#47768); of any other, the proxy's pods, on the port on which these listen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from rewriter.cilium.identity import Identity, reserved_identity
from rewriter.cilium.policy import EGRESS, KNP, Spec
from rewriter.cilium.verdict import DEFAULT_DENY
from rewriter.evidence.context import Context, is_here
from rewriter.evidence.exposed_names import ExposedName, covers_host, exposed_name
from rewriter.evidence.gateways import ENVOY, Fronted, every_fronted, front_ports
from rewriter.evidence.reachable import Reach, identity_of
from rewriter.evidence.target_ports import is_behind, target_numbers
from rewriter.evidence.unknown_labels import may_be_meant
from rewriter.evidence.used_names import UsedName, is_internal, used_names
from rewriter.finding import Applicability, Finding
from rewriter.inventory.facts.model import Service, Workload
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.names.unlisted_names import is_for_people, unlisted_names, unreached_stores
from rewriter.passes.kit.sides.missing_rules import route_of
from rewriter.text import join_names

_WORLD = reserved_identity("world")
_TCP, _HTTPS = "TCP", 443
#: The labels of the pods that controllers make for a Gateway.
_OWNER = "gateway.envoyproxy.io/owning-gateway"


class _End(NamedTuple):
    """A peer at which a connection ends, on a port. `pods` is None for Cilium's Envoy."""

    peer: Identity
    port: int
    pods: Workload | None

    def __str__(self) -> str:
        return f"{self.pods} on {self.port}"


def unreached_names(
    context: Context, spec: Spec, reach: Reach, workload: Workload, *, alone: bool
) -> Iterator[Finding]:
    """The findings of names that pods use, outside and on the cluster's own Gateways, and do not reach."""
    yield from unlisted_names(context, spec, reach, workload, alone=alone)
    yield from _unreached_hosts(context, spec, reach, workload)
    yield from unreached_stores(context, spec, reach, workload)


def _unreached_hosts(context: Context, spec: Spec, reach: Reach, workload: Workload) -> Iterator[Finding]:
    """A finding for each host of this cluster that pods use and reach by no rule, while one lets them out to the world.

    The host, its Gateway with an address and what is behind it have to be known.
    """
    world = reach.verdict(EGRESS, _WORLD, _TCP, _HTTPS)
    if not world.certain or not world.rules_if_allowed:
        return
    for used in used_names(context, workload):
        if is_internal(used.name) or used.where.startswith(("ConfigMap", "the value")) or is_for_people(used):
            continue
        found = exposed_name(context, used.name)
        ends = list(_ends(context, found, used.name)) if found is not None and found.certain else []
        if found is not None and ends and _is_shut(context, reach, ends):
            yield _finding(context, spec, workload, used, found, ends)


def _ends(context: Context, found: ExposedName, name: str) -> Iterator[_End]:
    """Where connections to a host end; nothing where that is not known in full."""
    if found.by_cilium:
        behind = [
            _End(identity_of(context, w.workload), w.port, w.workload) for w in every_fronted(context) if _of(w, name)
        ]
        if behind:
            yield from (_End(ENVOY, port, None) for port in front_ports(context))
            yield from behind
    elif found.by_cilium is False:
        services = [found.service] if found.service is not None else _before_proxies(context, found)
        for service in services:
            for pods in context.inventory.workloads_with(service.selector) if service.selector else ():
                if is_behind(pods, service) and is_here(context, pods.cluster):
                    peer = identity_of(context, pods)
                    numbers = target_numbers(service, None, pods)
                    yield from (_End(peer, number, pods) for number, protocol in numbers if protocol == _TCP)


def _of(way: Fronted, name: str) -> bool:
    return any(covers_host(host, name) for host in way.way.hostnames)


def _before_proxies(context: Context, found: ExposedName) -> list[Service]:
    """The Services that Envoy Gateway makes for the Gateways of a host."""
    names = {(f"{_OWNER}-name", gateway.name) for gateway in found.gateways}
    return [
        service
        for service in context.inventory.all_services()
        if is_here(context, service.cluster) and names & set((service.selector or {}).items())
    ]


def _is_shut(context: Context, reach: Reach, ends: Iterable[_End]) -> bool:
    """Whether default deny stops every way for certain."""
    answers = [reach.verdict(EGRESS, end.peer, _TCP, end.port) for end in ends]
    return not any(end.pods is not None and may_be_meant(context, reach, EGRESS, end.pods) for end in ends) and all(
        not answer.allowed and answer.certain and answer.reason == DEFAULT_DENY and not answer.depends_on
        for answer in answers
    )


def _finding(
    context: Context, spec: Spec, workload: Workload, used: UsedName, found: ExposedName, ends: list[_End]
) -> Finding:
    pods = {str(end): end.pods for end in ends if end.pods is not None}
    if found.by_cilium:
        where = "Cilium's Envoy, the entity `ingress`"
        advice = f"let {workload} out to `toEntities: [ingress]`, and to {join_names(pods)}, where Envoy leads it"
        if context.policy.kind == KNP:
            advice += "; a NetworkPolicy has no entities, so with a CiliumNetworkPolicy beside it"
    else:
        where = join_names(pods)
        advice = f"let {workload} out to {where}"
    return report(
        context,
        route_of(spec, EGRESS),
        Applicability.MANUAL,
        f"{workload} uses {used.name}, a host of this cluster ({found.by}), not reached by its rule for the world",
        f"the address is translated before policy is judged: the connection goes to {where}",
        rests_on=[workload, *pods.values()],
        evidence=(str(used), f"{found.by}: {found.source}", *found.records),
        advice=advice,
        at_key=True,
    )
