"""Where the DNS queries of pods arrive as policies see them, and which rules send them through Cilium's DNS proxy.

Load balancing and redirection come first: policies see the DNS pods and their port, the pods of a
CiliumLocalRedirectPolicy, or the host where node-local-dns runs on the host network.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from rewriter.cilium.identity import Identity, NamedPort, reserved_identity
from rewriter.cilium.labels import pod_labels
from rewriter.cilium.nodes import FqdnSelector, L7Rules, PortProtocol, PortRule
from rewriter.cilium.policy import Rule
from rewriter.cilium.ports import port_matches
from rewriter.cilium.universe import Universe
from rewriter.cilium.version import Version
from rewriter.evidence.context import Context, is_here
from rewriter.evidence.mesh import namespace_key
from rewriter.evidence.policies import AppliedRule
from rewriter.evidence.reachable import identity_of
from rewriter.evidence.settings import DEFAULT_NAME
from rewriter.inventory.facts.model import Service, Workload
from rewriter.inventory.objects.load_balancers import RedirectPolicy
from rewriter.inventory.questions.inventory import Inventory
from rewriter.records import dataclass
from rewriter.text import join_names

#: The port of DNS, and its protocols.
PORT = 53
PROTOCOLS = ("UDP", "TCP")
#: The Services of a cluster's DNS: kubeadm and most, charts of CoreDNS, RKE2, OpenShift.
_SERVICES = ("kube-dns", "coredns", "rke2-coredns-rke2-coredns", "dns-default")
_HOME = "kube-system"
#: Where a cluster has its own DNS.
HOMES = frozenset({_HOME, "openshift-dns"})
#: What people call the DNS of a cluster itself.
DNS_NAMES = frozenset({*_SERVICES, "core-dns", "kubedns", "rke2-coredns", "dns"})
_PORT_NAMES = frozenset({"dns", "dns-tcp", "domain"})
_PORTS = _PORT_NAMES | {"53", "5353"}
_LABELS = {"k8s-app": "kube-dns"}
_NODE_LOCAL = frozenset({"node-local-dns", "nodelocaldns", "node-local-dns-cache"})
_LINK_LOCAL = "169.254."


@dataclass(frozen=True, slots=True)
class DnsServer:
    """What answers the DNS queries of pods: as peers of an egress rule, and as identities.

    `words` name it, `ports` are the numbers on which it listens. `known` is False where nothing of it is in the facts
    and it is only what most clusters have. `instead_of` are the DNS pods whose traffic it takes over.
    """

    words: str
    peers: Mapping[str, Any]
    identities: tuple[Identity, ...]
    ports: tuple[int, ...] = (PORT,)
    known: bool = True
    instead_of: tuple[Identity, ...] = ()
    evidence: tuple[str, ...] = ()
    rests_on: tuple[Service | Workload, ...] = ()

    @property
    def to_ports(self) -> dict[str, Any]:
        """An item of toPorts with the ports that it listens on."""
        return {"ports": [{"port": str(number), "protocol": "ANY"} for number in self.ports]}


class DnsItem(NamedTuple):
    """An item of a rule's toPorts with `rules.dns`, and its `rules`."""

    item: PortRule
    rules: L7Rules

    @property
    def names(self) -> tuple[FqdnSelector, ...]:
        """The well-formed entries of `rules.dns`."""
        return tuple(entry for entry in self.rules.dns if isinstance(entry, FqdnSelector))

    @property
    def route(self) -> str:
        """The route of `rules.dns`."""
        return f"{self.rules.route}/dns"


def dns_server(context: Context, workload: Workload | None) -> DnsServer | None:
    """What answers the queries of a workload's pods (None: of pods known by their labels only).

    None where they have name servers of their own.
    """
    if workload is not None and _asks_elsewhere(context, workload):
        return None
    key = ("dns server", context.cluster.name if context.cluster else None, namespace_key(context.policy))
    if key not in context.answers:
        context.answers[key] = _server(context)
    found: DnsServer = context.answers[key]
    return found


def _server(context: Context) -> DnsServer:
    service = dns_service(context.inventory, context.cluster.name if context.cluster else None)
    pods = _dns_pods(context, service)
    plain = _plain_server(context, service, pods)
    for policy in context.inventory.redirect_policies():
        if is_here(context, policy.cluster) and _takes(policy, service):
            return _redirected(context, policy, plain)
    for local in _node_local(context):
        return DnsServer(
            f"{local} on the host network, which is the entity `host`",
            {"toEntities": ["host"]},
            (reserved_identity("host"),),
            instead_of=plain.identities,
            evidence=(f"{local} runs on the host network, {local.source}",),
            rests_on=(local,),
        )
    return plain


def dns_items(rule: Rule) -> Iterator[DnsItem]:
    """The items of toPorts of a rule that go through the DNS proxy."""
    for item in rule.port_rules:
        if isinstance(item, PortRule) and isinstance(item.rules, L7Rules) and item.rules.dns:
            yield DnsItem(item, item.rules)


def proxied(rule: AppliedRule) -> tuple[DnsItem, ...]:
    """The items of an egress rule that allow DNS queries through the proxy; none for other rules."""
    if rule.rule is None or rule.entry.deny or rule.entry.direction != "egress":
        return ()
    return tuple(dns_items(rule.rule))


def names_peer(rule: AppliedRule, identities: Iterable[Identity]) -> bool:
    """Whether one of the identities is a peer of a rule."""
    return bool(Universe(list(identities)).select_any(rule.entry.peers))


def on_ports(item: PortRule, server: DnsServer, version: Version) -> bool:
    """Whether an item of toPorts names a port on which the server listens."""
    matches = port_matches(item.written, version)
    named = [port for identity in server.identities for port in identity.named_ports]
    return any(
        match.covers(protocol, number, named) for match in matches for number in server.ports for protocol in PROTOCOLS
    )


def is_dns_rule(rule: Rule) -> bool:
    """Whether a rule names ports, and each of them is one of DNS."""
    if isinstance(rule.raw.get("ports"), list):  # A NetworkPolicy has numbers, and names, in the rule itself.
        entries = [port.get("port") if isinstance(port, dict) else None for port in rule.raw["ports"]]
    else:
        items = [item.ports if isinstance(item, PortRule) else () for item in rule.port_rules]
        entries = [port.port if isinstance(port, PortProtocol) else None for ports in items for port in ports]
    return bool(entries) and all(str(entry) in _PORTS for entry in entries)


def is_for_dns_only(item: PortRule, server: DnsServer | None) -> bool:
    """Whether all ports of an item of toPorts are those of DNS, and it asks for nothing else."""
    if set(item.written) != {"ports"} or not item.ports:
        return False
    numbers = {str(number) for number in ((PORT,) if server is None else (PORT, *server.ports))}
    return all(
        isinstance(port, PortProtocol)
        and port.port in numbers | _PORT_NAMES
        and "endPort" not in port.written
        and port.protocol in ("", "ANY", "UDP", "TCP")
        for port in item.ports
    )


def _asks_elsewhere(context: Context, workload: Workload) -> bool:
    template = context.inventory.pod_template(workload)
    if template is None:
        return False
    settings = template.spec.get("dnsConfig")
    servers = settings.get("nameservers") if isinstance(settings, dict) else None
    return template.spec.get("dnsPolicy") in ("None", "Default") or bool(servers)


def dns_service(inventory: Inventory, cluster: str | None) -> Service | None:
    """The Service of a cluster's DNS (None: of any cluster): the best known name, that of kube-system first."""
    found = [
        service
        for name in _SERVICES
        for service in inventory.services(name)
        if (cluster is None or service.cluster in (None, cluster))
        and service.selector
        and any(p.port == PORT for p in service.ports)
    ]
    return min(found, key=lambda service: service.namespace != _HOME, default=None)


def _dns_pods(context: Context, service: Service | None) -> list[Workload]:
    labels, home = (service.selector or {}, service.namespace) if service else (_LABELS, _HOME)
    return [
        workload
        for workload in context.inventory.workloads_with(labels)
        if workload.namespace == home and is_here(context, workload.cluster) and not workload.host_network
    ]


def _plain_server(context: Context, service: Service | None, pods: list[Workload]) -> DnsServer:
    labels, home = (service.selector or {}, service.namespace) if service else (_LABELS, _HOME)
    # Pods ask the DNS of their own cluster, also where it is not known which one that is.
    own = pods if context.cluster else [replace(workload, cluster=None) for workload in pods]
    identities: dict[Identity, Identity] = {}  # Pods that differ by their workload's name alone answer alike.
    for identity in (identity_of(context, workload) for workload in own):
        identities.setdefault(identity._replace(name=""), identity)
    shown = ", ".join(f"{key}={value}" for key, value in labels.items())
    evidence = (f"{service}, {service.source}: selector {shown}",) if service else ()
    return DnsServer(
        f"the DNS pods {shown} in {home}",
        {"toEndpoints": [{"matchLabels": {namespace_key(context.policy): home, **labels}}]},
        tuple(identities.values()) or (_stand_in(context, home, labels),),
        _ports(service, pods),
        known=bool(service or pods),
        evidence=(*evidence, *(f"{workload}, {workload.source}" for workload in pods[:1])),
        rests_on=(*((service,) if service else ()), *pods),
    )


def _ports(service: Service | None, pods: list[Workload]) -> tuple[int, ...]:
    """The numbers on which DNS pods listen: the targets of the Service's port 53, by name where it names them."""
    containers = [port for workload in pods for port in workload.ports]
    if service is None:
        named = [port.number for port in containers if port.name in ("dns", "dns-tcp", "dns-udp")]
        return tuple(dict.fromkeys(named)) or (PORT,)
    found: list[int] = []
    for port in service.ports:
        if port.port == PORT:
            target = port.target
            found += [target] if isinstance(target, int) else [c.number for c in containers if c.name == target]
    return tuple(dict.fromkeys(found)) or (PORT,)


def _stand_in(context: Context, namespace: str, labels: Mapping[str, str]) -> Identity:
    cluster = context.cluster.name if context.cluster else DEFAULT_NAME
    made = pod_labels(cluster=cluster, namespace=namespace, labels=labels)
    return Identity(f"DNS pods of {namespace}", made, named_ports=(NamedPort("dns", PORT, "UDP"),))


def _takes(policy: RedirectPolicy, service: Service | None) -> bool:
    """Whether a redirect policy takes the traffic of the cluster's DNS over."""
    if policy.address is not None:
        return bool(service and policy.address in service.cluster_ips) or policy.address.startswith(_LINK_LOCAL)
    names = {(service.namespace, service.name)} if service else {(_HOME, name) for name in _SERVICES}
    return policy.service in names


def _redirected(context: Context, policy: RedirectPolicy, plain: DnsServer) -> DnsServer:
    labels = dict(policy.backend_labels)
    pods = [
        workload
        for workload in context.inventory.workloads_with(labels)
        if workload.namespace == policy.namespace and is_here(context, workload.cluster)
    ]
    if pods and all(workload.host_network for workload in pods):
        peers: dict[str, Any] = {"toEntities": ["host"]}
        identities: tuple[Identity, ...] = (reserved_identity("host"),)
    else:
        peers = {"toEndpoints": [{"matchLabels": {namespace_key(context.policy): policy.namespace, **labels}}]}
        identities = tuple(identity_of(context, workload) for workload in pods if not workload.host_network)
        identities = identities or (_stand_in(context, policy.namespace, labels),)
    shown = ", ".join(f"{key}={value}" for key, value in labels.items())
    numbers = dict.fromkeys(port.number for port in policy.backend_ports)
    return DnsServer(
        f"the pods {shown} in {policy.namespace}, to which {policy} redirects it",
        peers,
        identities,
        tuple(numbers) or plain.ports,
        instead_of=plain.identities,
        evidence=(f"{policy}, {policy.source}: to pods {shown} on {join_names(numbers) or 'the same ports'}",),
        rests_on=tuple(pods),
    )


def _node_local(context: Context) -> list[Workload]:
    """The node-local-dns on the host network that pods ask, if any."""
    cluster, inventory = context.cluster, context.inventory
    servers = [s for kubelet in inventory.kubelets() if is_here(context, kubelet.cluster) for s in kubelet.cluster_dns]
    local = any(server.startswith(_LINK_LOCAL) for server in servers)
    if not local and (servers or (cluster is not None and cluster.kube_proxy_replacement)):
        return []  # Pods ask the Service's address, and Cilium sends that to the DNS pods.
    found = (
        workload
        for label in ("k8s-app", "app", "app.kubernetes.io/name")
        for name in sorted(_NODE_LOCAL)
        for workload in inventory.workloads_with({label: name})
    )
    return [
        workload
        for workload in found
        if workload.host_network and workload.kind == "DaemonSet" and is_here(context, workload.cluster)
    ]
