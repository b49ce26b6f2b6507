"""Pods that the API server calls and that let it in nowhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rewriter.cilium.policy import INGRESS, KNP, Rule, Spec
from rewriter.evidence.api_server import ApiServer, api_server
from rewriter.evidence.context import Context
from rewriter.evidence.permits import API_SERVER_NODE
from rewriter.evidence.policies import is_first_of
from rewriter.evidence.reachable import Reach, reach_of, workload_key
from rewriter.evidence.target_ports import is_behind, target_numbers
from rewriter.finding import Applicability, Finding
from rewriter.inventory.facts.model import NamedPort, Service, Workload
from rewriter.inventory.objects.webhooks import ApiServerCall
from rewriter.passes.kit.changes.change import rule_added
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.ports.port_numbers import is_on, names_any

_TCP = "TCP"
#: A call of the API server, with the Service that it goes to and the port of the pods.
_Call = tuple[ApiServerCall, Service, int]


def uncalled(context: Context) -> Iterator[Finding]:
    """A finding for each Service of the policy's pods that the API server calls and cannot reach."""
    denying = [
        spec
        for spec in context.policy.specs
        if spec.subject is not None and any(rule.direction == INGRESS for rule in spec.rules)
    ]
    calls = context.inventory.api_server_calls() if denying or context.policy.kind == KNP else ()
    if not calls:
        return
    seen: set[tuple[str, str, int]] = set()
    server: ApiServer | None = None
    for spec in denying or context.policy.specs:
        for reach in reach_of(context, spec):
            if reach.workload is None or not reach.denied_by_default(INGRESS):
                continue
            for call, service, port in _calls(context, calls, reach.workload):
                key = (service.namespace, service.name, port)
                if key in seen:
                    continue
                server = server or api_server(context)
                if not _is_shut(context, reach, port, server) or not _stands_here(context, reach, port):
                    continue
                # With the Service's port set right (CNP013), a rule that means it lets the API server in.
                if not _is_meant_by_service_port(context, reach, reach.workload, call, server):
                    seen.add(key)
                    yield _finding(context, spec, reach.workload, call, service, port, server)


def called_ports(context: Context, workload: Workload) -> frozenset[int]:
    """The ports of a workload's pods that the API server calls."""
    calls = context.inventory.api_server_calls()
    return frozenset(port for _, _, port in _calls(context, calls, workload)) if calls else frozenset()


def _calls(context: Context, calls: Sequence[ApiServerCall], workload: Workload) -> tuple[_Call, ...]:
    """The calls that end at a workload, of those of the inventory. Looked for once a workload and run."""
    own = context.cluster.name if context.cluster else None
    key = ("calls of the API server", own, *workload_key(workload))
    if key not in context.answers:
        context.answers[key] = tuple(_calls_of(context, own, calls, workload))
    made: tuple[_Call, ...] = context.answers[key]
    return made


def _calls_of(context: Context, own: str | None, calls: Sequence[ApiServerCall], workload: Workload) -> Iterator[_Call]:
    """The calls that end at a workload: copies of one once."""
    done: set[tuple[object, ...]] = set()
    for call in calls:
        if call.namespace != workload.namespace or (own is not None and call.cluster not in (None, own)):
            continue
        if (asked := (call.service, call.port)) in done:
            continue
        done.add(asked)
        for service in context.inventory.services(call.service, call.namespace):
            if is_behind(workload, service):
                for number, protocol in target_numbers(service, call.port, workload):
                    if protocol == _TCP and (found := (*asked, number)) not in done:
                        done.add(found)
                        yield call, service, number


def _is_shut(context: Context, reach: Reach, port: int, server: ApiServer) -> bool:
    """Whether the pods let the API server in neither as itself nor as a node, for certain."""
    answer = reach.verdict(INGRESS, API_SERVER_NODE, _TCP, port)
    if answer.allowed or not answer.certain:
        return False
    by_address = context.cluster is not None and context.cluster.cidr_match_nodes
    outside_counts = by_address or not server.is_node
    named = reach.workload.ports if reach.workload is not None else ()
    return not (outside_counts and any(_lets_outside_in(applied.rule, port, named) for applied in reach.rules(INGRESS)))


def _is_meant_by_service_port(
    context: Context, reach: Reach, workload: Workload, call: ApiServerCall, server: ApiServer
) -> bool:
    """Whether a rule of the pods lets the API server in on the Service's port, on which none of them listens."""
    if any(port.number == call.port for port in workload.ports):
        return False
    named = [
        applied
        for applied in reach.rules(INGRESS)
        if applied.rule is not None and applied.entry.subject.conditions and names_any(applied.rule, [call.port])
    ]
    return bool(named) and not _is_shut(context, reach, call.port, server)


def _lets_outside_in(rule: Rule | None, port: int, named: Sequence[NamedPort]) -> bool:
    """Whether a rule lets addresses in on a port: an API server outside of the cluster may be one of them."""
    if rule is None or rule.deny or not is_on(rule, port, _TCP, named):
        return False
    for field in rule.peers:
        if field.name in ("fromCIDR", "fromCIDRSet") and field.entries:
            return True
        if field.name == "fromEntities" and {"world", "all"} & {str(entry) for entry in field.entries}:
            return True
        if field.name == "from" and any(isinstance(peer, dict) and peer.get("ipBlock") for peer in field.entries):
            return True
    return False


def _stands_here(context: Context, reach: Reach, port: int) -> bool:
    """Whether the finding belongs to this policy: the first that names the port, else the first that denies."""
    rules = [applied for applied in reach.rules(INGRESS) if applied.entry.default_deny]
    named = reach.workload.ports if reach.workload is not None else ()
    about = [rule for rule in rules if rule.rule is not None and is_on(rule.rule, port, _TCP, named)]
    return is_first_of(context.policy, about or rules)


def _finding(
    context: Context,
    spec: Spec,
    workload: Workload,
    call: ApiServerCall,
    service: Service,
    port: int,
    server: ApiServer,
) -> Finding:
    rules = [rule for rule in spec.rules if rule.direction == INGRESS and not rule.deny]
    on_port = [rule for rule in rules if is_on(rule, port, _TCP, workload.ports)]
    at = next(reversed(on_port or rules), None)
    ports = [{"ports": [{"port": str(port), "protocol": _TCP}]}]
    written = f'fromEntities: [kube-apiserver], toPorts: [{{ports: [{{port: "{port}", protocol: TCP}}]}}]'
    change = None
    advice = ""
    if context.policy.kind == KNP:
        advice = (
            "a NetworkPolicy cannot name the API server: put a CiliumNetworkPolicy for the same pods beside it, with "
            f"`ingress: [{{{written}}}]`"
        )
    elif at is not None:
        change = rule_added(context, spec, at, {"fromEntities": ["kube-apiserver"]}, "the API servers", toPorts=ports)
    else:
        advice = f"add `ingress: [{{{written}}}]`"
    evidence = [f"{call}, {call.source}: the API server calls {service}, {service.source}"]
    evidence.append(f"{workload}, {workload.source}: stands behind it on port {port}")
    if server.is_node:
        evidence.append(server.node_evidence)
    return report(
        context,
        at or spec.route,
        Applicability.UNSAFE if change is not None else Applicability.MANUAL,
        f"the API server calls {workload} on port {port} ({call.kind}), and no policy lets it in",
        "it comes from a node, as the entities kube-apiserver and remote-node, and its calls time out",
        change=change,
        rests_on=[service, workload],
        evidence=evidence,
        advice=advice,
    )
