"""What stands behind a reference to a Service: the peers of a rule that means the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from rewriter.cilium.addresses import address_set
from rewriter.cilium.cidr import AddressError, parse_address, parse_prefix_or_address
from rewriter.cilium.labels import CLUSTER_LABEL, K8S, NAMESPACE_LABEL
from rewriter.cilium.selector import read_selector
from rewriter.cilium.services import means_kubernetes, service_matches, service_text
from rewriter.cilium.settings import ServiceView
from rewriter.cilium.terms import Condition, LabelTerm, Term, label_term
from rewriter.evidence.clusters import ranges_of
from rewriter.evidence.context import Context
from rewriter.evidence.doubts import REMEDY, doubts_about
from rewriter.evidence.mesh import cluster_requirement, namespace_key
from rewriter.evidence.workloads import hidden_services
from rewriter.inventory.facts.completeness import Hidden
from rewriter.inventory.facts.model import Cluster, EndpointSlice, NamedPort, Service, ServicePort, Source, Workload
from rewriter.records import dataclass
from rewriter.text import join_names

#: The port on which API servers listen when no EndpointSlice has one (kube-apiserver --secure-port).
API_SERVER_PORT = 6443


class UndecidedError(Exception):
    """What a Service reference means is unknown: `reason` says why, `advice` what to do.

    `wrong` marks a reference that cannot mean what it says, whatever the facts. `evidence` is what is known all the
    same, in words with the source.
    """

    def __init__(self, reason: str, advice: str, *, wrong: bool = False, evidence: Sequence[str] = ()) -> None:
        super().__init__(reason)
        self.reason = reason
        self.advice = advice
        self.wrong = wrong
        self.evidence = tuple(evidence)


class NamedPeers(NamedTuple):
    """Peers in words, and as terms; None where the entries themselves are meant."""

    words: str
    terms: tuple[Term, ...] | None = None


@dataclass(frozen=True, slots=True)
class Backends:
    """The peers that one Service stands for: entries of one peer field of an egress rule.

    `ports` are the Service's, each with its backend port; None where ports are not translated. `containers` are the
    ports of the known workloads behind it. `opens` and `closes` are the peers by which the entries differ from those
    that Cilium 1.17 and later resolve the reference to; `complete` is False where other Services may be meant too, and
    `hidden` is what may make unknown ones of these. `reference` is the entry of toServices that means the Service.
    `pods` are the known workloads behind it; empty where one of them is in doubt.
    """

    name: str
    field: str
    entries: tuple[Any, ...]
    ports: tuple[ServicePort, ...] | None
    containers: tuple[NamedPort, ...] = ()
    evidence: tuple[str, ...] = ()
    opens: NamedPeers | None = None
    closes: NamedPeers | None = None
    complete: bool = True
    hidden: tuple[Hidden, ...] = ()
    reference: Any = None
    pods: tuple[Workload, ...] = ()


def backends_of(context: Context, entry: Any) -> list[Backends]:
    """What one entry of toServices stands for, a Service each. Raises UndecidedError."""
    named = entry.get("k8sService") if isinstance(entry, dict) else None
    selected = entry.get("k8sServiceSelector") if isinstance(entry, dict) else None
    if not isinstance(named, dict) and not isinstance(selected, dict):
        raise UndecidedError("an entry of toServices names no Service", "name the Service in `k8sService`")
    services = known_services(context, entry, named if isinstance(named, dict) else None)
    if isinstance(named, dict) and _is_kubernetes(named, services):
        return [_api_server(context, services)]
    if isinstance(selected, dict) and _selects_kubernetes(entry, services):
        _check(doubts_about(context.inventory, (), "services"))
        return [replace(_api_server(context, services), complete=False, hidden=_others(context, selected))]
    if not services:
        raise _unknown(context, entry, named if isinstance(named, dict) else None)
    by_name: dict[tuple[str, str], list[Service]] = {}
    for service in services:
        by_name.setdefault((service.namespace, service.name), []).append(service)
    if isinstance(named, dict) and named.get("serviceName") == "kubernetes" and not named.get("namespace"):
        by_name.setdefault(("default", "kubernetes"), [])
    if isinstance(named, dict) and len(by_name) > 1:
        namespaces = join_names(sorted(namespace for namespace, _ in by_name))
        raise UndecidedError(
            f"Services {named.get('serviceName')} of several namespaces are meant, {namespaces}",
            "say which one is meant with `namespace`",
        )
    complete = isinstance(named, dict) and bool(named.get("namespace"))
    hidden: tuple[Hidden, ...] = ()
    if not complete:
        _check(doubts_about(context.inventory, (), "services"))
        hidden = _others(context, named if isinstance(named, dict) else selected)
    found = [_one(group) for group in by_name.values()]
    return [replace(service_backends(context, service), complete=complete, hidden=hidden) for service in found]


def _others(context: Context, reference: Any) -> tuple[Hidden, ...]:
    """What may make other Services that a reference means which is no full name of one."""
    namespace = reference.get("namespace") if isinstance(reference, dict) else None
    return hidden_services(context, (namespace,) if isinstance(namespace, str) and namespace else None)


def names_api_server(context: Context, entry: Any) -> bool:
    """Whether an entry of toServices means `default/kubernetes`, by its name or by its labels."""
    named = entry.get("k8sService") if isinstance(entry, dict) else None
    selected = entry.get("k8sServiceSelector") if isinstance(entry, dict) else None
    try:
        if isinstance(named, dict):
            return _is_kubernetes(named, known_services(context, entry, named))
        return isinstance(selected, dict) and _selects_kubernetes(entry, known_services(context, entry, None))
    except UndecidedError:
        return False


def service_backends(context: Context, service: Service) -> Backends:
    """What one Service stands for. Raises UndecidedError, also where what is known of it is in doubt."""
    _check(doubts_about(context.inventory, [service]))
    return _backends(context, service)


def _check(doubts: Sequence[str]) -> None:
    if doubts:
        raise UndecidedError(join_names(doubts), REMEDY)


def known_services(context: Context, entry: dict[str, Any], named: dict[str, Any] | None) -> list[Service]:
    """The known Services of the policy's cluster that an entry of toServices means. Raises UndecidedError."""
    own = context.cluster.name if context.cluster else None
    return [s for s in _candidates(context, entry, named) if own is None or s.cluster in (None, own)]


def _candidates(context: Context, entry: dict[str, Any], named: dict[str, Any] | None) -> Iterator[Service]:
    inventory = context.inventory
    found: Iterable[Service]
    if named is not None:
        name = named.get("serviceName")
        found = inventory.services(name) if isinstance(name, str) else ()
    else:
        selector = read_selector(entry["k8sServiceSelector"].get("selector"), "")
        if selector is None or not selector.requirements:
            raise UndecidedError("an entry of toServices has no selector", "name the Services that are meant")
        labels = {
            r.written_key: r.values[0] for r in selector.requirements if r.operator == "In" and len(r.values) == 1
        }
        found = inventory.services_by_labels(labels) if labels else inventory.all_services()
    for service in found:
        if service_matches(entry, ServiceView(service.namespace, service.name, labels=service.labels)):
            yield service


def _one(services: Sequence[Service]) -> Service:
    """The one Service that several facts of the same name describe. Raises UndecidedError where they disagree."""
    first = services[0]
    for other in services[1:]:
        if (other.selector, other.ports, other.external_name) != (first.selector, first.ports, first.external_name):
            raise UndecidedError(
                f"{first} exists twice with different contents, {first.source} and {other.source}",
                'say which cluster each file is for (`local = ["path/**"]` of the [[clusters]] entries)',
            )
    return first


def _unknown(context: Context, entry: dict[str, Any], named: dict[str, Any] | None) -> UndecidedError:
    elsewhere = sorted({s.cluster for s in _candidates(context, entry, named) if s.cluster is not None})
    text = service_text(entry)
    if elsewhere and context.cluster is not None:
        reason = f"Service {text} is known in {join_names(elsewhere)} only, not in {context.cluster.name}"
    else:
        reason = f"no Service {text} is known" if named is None else f"Service {text} is not known"
    part = named if named is not None else entry["k8sServiceSelector"]
    namespace = part.get("namespace")
    name = named.get("serviceName") if named is not None else None
    homeless = context.inventory.homeless_services(name) if isinstance(name, str) else ()
    if homeless:
        evidence = [
            f"Service {name}, {service.source}: no manifest says which namespace it is applied to"
            for service in homeless
        ]
        advice = "write its namespace into the manifest of the Service, or into the kustomization that applies it"
        return UndecidedError(reason, advice, evidence=evidence)
    where = f"-n {namespace}" if namespace and isinstance(namespace, str) else "-A"
    if named is None:
        command = f"kubectl get services {where} --show-labels"
    elif where == "-A":
        command = f"kubectl get services -A --field-selector metadata.name={named.get('serviceName')} -o yaml"
    else:
        command = f"kubectl get service {where} {named.get('serviceName')} -o yaml"
    return UndecidedError(
        reason, f"find it with `{command}` and put its manifest in the tree, or give a snapshot with --inventory"
    )


def _backends(context: Context, service: Service) -> Backends:
    cited = f"{service}, {service.source}"
    if service.external_name is not None or service.type == "ExternalName":
        return _external(service, cited)
    if not service.selector:
        return _addresses(context, service, cited)
    labels = {**service.selector, namespace_key(context.policy): service.namespace}
    entry: dict[str, Any] = {"matchLabels": labels}
    opens = closes = None
    if context.mesh and (context.cluster is None or context.cluster.meshed):
        default_local = context.default_local_cluster
        if service.is_global and context.cluster is not None:
            names = _sharing(context, service, context.cluster)
            entry["matchExpressions"] = [cluster_requirement(context, names)]
            remote = [name for name in names if name != context.cluster.name]
            if remote and default_local(context.from_version):
                words = f"backends of {service} in {join_names(remote)}"
                opens = NamedPeers(words, (_pods(service, "In", remote),))
            if not default_local(context.from_version):
                words = f"pods of clusters other than {join_names(names)} with the labels of {service} (none is known)"
                closes = NamedPeers(words, (_pods(service, "NotIn", names),))
        elif default_local(context.to_version) and not default_local(context.from_version):
            own = [context.cluster.name] if context.cluster else []
            closes = NamedPeers(f"pods of other clusters with the labels of {service}", (_pods(service, "NotIn", own),))
    pods = [w for w in context.inventory.workloads_with(service.selector) if w.namespace == service.namespace]
    certain = [workload for workload in pods if not context.inventory.doubts(workload)]
    containers = tuple(port for workload in certain for port in workload.ports)
    selector = ", ".join(f"{key}={value}" for key, value in service.selector.items())
    ports = join_names(_port_text(port) for port in service.ports)
    evidence = (f"{cited}: selector {selector}" + (f", port {ports}" if ports else ""),)
    found = Backends(str(service), "toEndpoints", (entry,), service.ports, containers, evidence, opens, closes)
    return replace(found, pods=tuple(pods) if len(certain) == len(pods) else ())


def _pods(service: Service, operator: str, clusters: Sequence[str]) -> LabelTerm:
    """The pods behind a Service in these clusters, or in others."""
    labels = {**(service.selector or {}), NAMESPACE_LABEL: service.namespace}
    conditions = [Condition(K8S, key, "In", (value,)) for key, value in labels.items()]
    return label_term([*conditions, Condition(K8S, CLUSTER_LABEL, operator, tuple(sorted(clusters)))])


def _port_text(port: ServicePort) -> str:
    return f"{port.port}/{port.protocol} → {port.target}"


def _sharing(context: Context, service: Service, own: Cluster) -> tuple[str, ...]:
    """The meshed clusters whose backends a global Service uses; one without any certain fact shares."""
    names = []
    for cluster in context.mesh:
        named = context.inventory.services(service.name, service.namespace)
        facts = [s for s in named if s.cluster == cluster.name and not context.inventory.doubts(s)]
        shares = any(
            s.is_global and s.annotations.get("service.cilium.io/shared", "").lower() != "false" for s in facts
        )
        if cluster.name == own.name or shares or not facts:
            names.append(cluster.name)
    return tuple(names)


def _external(service: Service, cited: str) -> Backends:
    name = (service.external_name or "").rstrip(".")
    if not name:
        raise UndecidedError(f"{service} is an ExternalName without a name", "name the peers themselves")
    if name.endswith((".svc", ".svc.cluster.local")):
        raise UndecidedError(
            f"{service} is a name for {name}, a Service inside the cluster", "name that Service, or its backends"
        )
    return Backends(
        str(service),
        "toFQDNs",
        ({"matchName": name},),
        None,
        evidence=(f"{cited}: ExternalName {name}",),
        opens=NamedPeers(f"the addresses of {name}"),
    )


def _addresses(context: Context, service: Service, cited: str) -> Backends:
    """A Service without selector: the addresses of its endpoints, where they lie outside the mesh."""
    slices = _slices(context, service)
    addresses = [address for endpoint_slice in slices for address in endpoint_slice.addresses]
    if not addresses:
        raise UndecidedError(
            f"{service} has no selector, and its EndpointSlice is not known",
            "put its EndpointSlice in the tree, or give a snapshot with --inventory",
        )
    ages = [age for cluster in context.inventory.clusters if (age := context.inventory.stale(cluster))]
    _check((*doubts_about(context.inventory, slices), *ages))
    entries = []
    for text in dict.fromkeys(addresses):
        try:
            address = parse_address(text)
        except AddressError:
            raise UndecidedError(f"{service} has an endpoint {text!r}", "name the peers themselves") from None
        holder = _inside(context, text)
        if holder:
            raise UndecidedError(
                f"{service} has no selector, and its endpoint {text} lies in {holder}, where no CIDR matches",
                "name the peers by their labels or as entities",
            )
        entries.append({"cidr": f"{text}/{address.width}"})
    by_name = {port.name: port.number for endpoint_slice in slices for port in endpoint_slice.ports}
    ports = tuple(replace(port, target=by_name.get(port.name, port.target)) for port in service.ports)
    sources = [
        f"EndpointSlice of {service}, {endpoint_slice.source}: {', '.join(endpoint_slice.addresses)}"
        for endpoint_slice in slices
    ]
    return Backends(str(service), "toCIDRSet", tuple(entries), ports, evidence=(f"{cited}: no selector", *sources))


def _inside(context: Context, address: str) -> str:
    """In which range of the mesh an address lies; empty for one outside."""
    here = address_set([parse_prefix_or_address(address)])
    for cluster in context.inventory.clusters:
        if not cluster.meshed and cluster != context.cluster:
            continue
        ranges = ranges_of(context.inventory, cluster)
        for name, known in (("pod", ranges.pods), ("node", ranges.nodes), ("service", ranges.services)):
            if known is not None and here <= known:
                return f"the {name} range of {cluster.name}"
    return ""


def _slices(context: Context, service: Service) -> list[EndpointSlice]:
    own = context.cluster.name if context.cluster else None
    return [s for s in context.inventory.endpoint_slices(service) if own is None or s.cluster in (None, own)]


def _is_kubernetes(named: dict[str, Any], services: Sequence[Service]) -> bool:
    """Whether default/kubernetes is meant, which every cluster has, known or not."""
    if named.get("serviceName") != "kubernetes" or named.get("namespace") not in (None, "", "default"):
        return False
    return all(service.namespace == "default" for service in services)


def _selects_kubernetes(entry: dict[str, Any], services: Sequence[Service]) -> bool:
    """Whether the labels of default/kubernetes are meant: one of them is named, and no other known Service has it."""
    others = (service for service in services if (service.namespace, service.name) != ("default", "kubernetes"))
    return means_kubernetes(entry) and not any(others)


def _api_server(context: Context, services: Sequence[Service]) -> Backends:
    known = services[0] if services else Service("kubernetes", "default", None, {}, None, (), Source("Kubernetes"))
    slices = _slices(context, known)
    _check(doubts_about(context.inventory, slices))
    numbers = [port.number for endpoint_slice in slices for port in endpoint_slice.ports if port.name in ("https", "")]
    if numbers:
        target = numbers[0]
        evidence = f"EndpointSlice of {known}, {slices[0].source}: port {target}"
    else:
        target = API_SERVER_PORT
        evidence = f"no EndpointSlice of {known} is known: API servers listen on {target} by default"
    return Backends(
        str(known),
        "toEntities",
        ("kube-apiserver",),
        (ServicePort("https", 443, "TCP", target),),
        evidence=(evidence,),
        opens=NamedPeers("the API servers"),
    )
