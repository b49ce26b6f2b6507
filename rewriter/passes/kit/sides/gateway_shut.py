"""Clusterwide policies that select Cilium's own Gateway and shut it."""

from __future__ import annotations

from collections.abc import Iterator

from rewriter.cilium.cidr import parse_prefix
from rewriter.cilium.identity import outside_identity
from rewriter.cilium.policy import EGRESS, INGRESS, Spec
from rewriter.evidence.context import Context
from rewriter.evidence.gateways import ENVOY, cilium_gateways, cilium_ingresses, every_fronted, front_ports
from rewriter.evidence.policies import is_first_of
from rewriter.evidence.reachable import Reach, identity_of, reach_of_reserved
from rewriter.finding import Applicability, Finding
from rewriter.inventory.objects.gateways import Gateway, Ingress
from rewriter.passes.kit.changes.report import report

_WORLD = outside_identity(parse_prefix("203.0.113.7/32"))


def gateways_shut(context: Context) -> Iterator[Finding]:
    """A finding where the policy puts Envoy into default deny and nothing lets it do its work."""
    specs = [spec for spec in context.policy.specs if spec.subject is not None and spec.rules]
    fronts: list[Gateway | Ingress] = []
    if specs:
        fronts = [*cilium_gateways(context), *cilium_ingresses(context)]
    if not fronts:
        return
    reach = reach_of_reserved(context, ENVOY)
    if _first_that_denies(context, reach, INGRESS):
        answers = [reach.verdict(INGRESS, _WORLD, "TCP", port) for port in front_ports(context)]
        if not any(answer.allowed for answer in answers) and all(answer.certain for answer in answers):
            yield _finding(
                context,
                _spec(specs, INGRESS),
                fronts[0],
                f"selects Cilium's own Gateway and shuts {fronts[0]} to the world",
                "add a clusterwide policy that selects `reserved:ingress` (operator Exists) with "
                "`ingress: [{fromEntities: [world]}]`",
            )
    if _first_that_denies(context, reach, EGRESS):
        for way in every_fronted(context):
            peer = identity_of(context, way.workload)
            answer = reach.verdict(EGRESS, peer, "TCP", way.port)
            if not answer.allowed and answer.certain:
                yield _finding(
                    context,
                    _spec(specs, EGRESS),
                    way.front,
                    f"selects Cilium's own Gateway and does not let {way.front} reach {way.workload} on {way.port}",
                    "add a clusterwide policy that selects `reserved:ingress` (operator Exists) with "
                    "`egress: [{toEntities: [cluster]}]`",
                    way.evidence,
                )
                return


def _first_that_denies(context: Context, reach: Reach, direction: str) -> bool:
    """Whether this policy is the first, by its file, of those that put Envoy into default deny."""
    return is_first_of(context.policy, (rule for rule in reach.rules(direction) if rule.entry.default_deny))


def _spec(specs: list[Spec], direction: str) -> Spec:
    return next((spec for spec in specs if any(rule.direction == direction for rule in spec.rules)), specs[0])


def _finding(
    context: Context, spec: Spec, front: Gateway | Ingress, message: str, advice: str, more: tuple[str, ...] = ()
) -> Finding:
    return report(
        context,
        f"{spec.route}/endpointSelector",
        Applicability.MANUAL,
        f"the policy {message}",
        "`endpointSelector` of a clusterwide policy selects the entity `ingress` too, which then is in default deny",
        evidence=[f"{front}, {front.source}: class {front.class_name or 'cilium'}", *more],
        advice=advice,
        at_key=True,
    )
