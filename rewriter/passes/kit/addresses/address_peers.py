"""The peers that stand for the backends of a Service's address."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rewriter.cilium.digits import is_number
from rewriter.cilium.policy import KNP
from rewriter.evidence.backends import UndecidedError, service_backends
from rewriter.evidence.service_addresses import Holder
from rewriter.evidence.target_ports import is_behind, no_container_has
from rewriter.inventory.facts.model import Service
from rewriter.inventory.objects.gateways import Gateway
from rewriter.passes.kit.changes.forms import Form, list_of, members_of
from rewriter.passes.kit.changes.site import RuleSite
from rewriter.passes.kit.changes.swap import NewPeers
from rewriter.passes.kit.ports.backend_ports import apply_plan, ports_known, translate
from rewriter.passes.kit.ports.port_numbers import items_of

_METADATA_NAME = "kubernetes.io/metadata.name"


def peers_instead(site: RuleSite, found: Sequence[Holder]) -> tuple[list[NewPeers], list[str]]:
    """The peers behind an address, with the evidence. Raises UndecidedError."""
    if isinstance(found[0].who, Gateway):
        if site.context.policy.kind == KNP:
            raise UndecidedError(
                "it is a Gateway of Cilium, which a NetworkPolicy cannot name",
                "put a CiliumNetworkPolicy with `toEntities: [ingress]` beside it",
            )
        return [NewPeers("toEntities", ["ingress"], f"{found[0].who}")], [found[0].words]
    peers: list[NewPeers] = []
    reasons: list[UndecidedError] = []
    evidence: list[str] = []
    for holder in found:
        assert isinstance(holder.who, Service)
        try:
            new, facts = _service_peers(site, holder.who)
        except UndecidedError as error:
            reasons.append(error)
            continue
        peers.append(new)
        evidence += [holder.words, *facts]
    if not peers:
        raise reasons[0]
    return peers, evidence


def nameless_targets(site: RuleSite, found: Iterable[Holder], news: Iterable[NewPeers]) -> tuple[str, ...]:
    """Ports of the new rules by names that no container behind their Service has: words for each such Service."""
    items = [members_of(item) for new in news for item in new.ports or ()]
    written = {members_of(port).get("port") for item in items for port in list_of(item.get("ports", [item]))}
    services = [holder.who for holder in found if isinstance(holder.who, Service)]
    lost = []
    for service in services:
        targets = dict.fromkeys(str(port.target) for port in service.ports if str(port.target) in written)
        known = site.context.inventory.workloads_in((service.namespace,))
        lost.append(no_container_has(targets, [workload for workload in known if is_behind(workload, service)]))
    return tuple(filter(None, lost))


def _service_peers(site: RuleSite, service: Service) -> tuple[NewPeers, tuple[str, ...]]:
    """The backends of one Service on their ports. Raises UndecidedError."""
    backends = service_backends(site.context, service)
    written = items_of(site.rule)
    ports: list[object] | None = None
    if written is not None:
        texts = [_as_texts(item) for item in written]
        plan = translate(texts, backends)
        ports = apply_plan(texts, plan)
        if not ports:
            raise UndecidedError(
                f"the rule has none of its ports; {ports_known(backends)}", "write the ports of its backends"
            )
    elif not site.deny and not site.rule.raw.get("icmps") and backends.ports:
        # On its own address a Service has its ports alone, and behind it are those of its backends.
        targets = dict.fromkeys((str(port.target), port.protocol) for port in backends.ports)
        ports = [{"ports": [{"port": target, "protocol": protocol} for target, protocol in targets]}]
    words = f"backends of {service}"
    if site.context.policy.kind != KNP:
        return NewPeers(backends.field, list(backends.entries), words, ports), backends.evidence
    if backends.field != "toEndpoints":
        raise UndecidedError(f"{service} has no selector", "name its backends as peers")
    peer: Form = {"podSelector": {"matchLabels": dict(service.selector or {})}}
    if service.namespace != site.context.policy.namespace:
        peer = {"namespaceSelector": {"matchLabels": {_METADATA_NAME: service.namespace}}, **peer}
    own = [_as_network_port(members_of(port)) for item in ports or () for port in list_of(members_of(item)["ports"])]
    return NewPeers("to", [peer], words, own or None), backends.evidence


def _as_texts(item: object) -> object:
    """An item of toPorts, or the ports of a NetworkPolicy, with port numbers as texts."""
    if not isinstance(item, dict) or not isinstance(item.get("ports"), list):
        return item
    ports = [{**port, "port": str(port["port"])} if "port" in port else port for port in item["ports"] if port]
    return {**item, "ports": ports}


def _as_network_port(port: Form) -> Form:
    text = str(port.get("port"))
    return {**port, "port": int(text) if is_number(text) else text}
