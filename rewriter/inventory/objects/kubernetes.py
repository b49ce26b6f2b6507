"""Kubernetes objects as facts: pods, Services, endpoints, namespaces, nodes, CIDR groups."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeGuard

from rewriter import yamltext
from rewriter.cilium.label_syntax import is_dns_label
from rewriter.inventory.facts.model import (
    CIDRGroup,
    EndpointSlice,
    NamedPort,
    Namespace,
    Node,
    Service,
    ServicePort,
    Workload,
)
from rewriter.inventory.texts.manifests import Manifest, items, mapping, texts

POD_TEMPLATES = frozenset(
    {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job", "CronJob"}
)
WORKLOAD_KINDS = POD_TEMPLATES | {"Pod"}

_KEPT_ANNOTATIONS = (
    "service.cilium.io/",
    "external-dns.alpha.kubernetes.io/",
    "external-dns.kubernetes.io/",
    "ingressclass.kubernetes.io/",
)
#: Who reads the addresses of a Service from an annotation: Cilium's LB IPAM, MetalLB, kube-vip.
_ADDRESS_ANNOTATIONS = (
    "lbipam.cilium.io/ips",
    "io.cilium/lb-ipam-ips",
    "metallb.io/loadBalancerIPs",
    "metallb.universe.tf/loadBalancerIPs",
    "kube-vip.io/loadbalancerIPs",
)


def namespace_of(manifest: Manifest) -> str | None:
    """The namespace of an applied manifest; None where it is not known."""
    namespace = manifest.metadata.get("namespace")
    return str(namespace) if is_namespace(namespace) else None


def is_namespace(value: Any) -> TypeGuard[str]:
    """Whether a value can be the name of a namespace: `${VAR}` and other placeholders cannot."""
    return isinstance(value, str) and is_dns_label(value)


def workload(manifest: Manifest, namespace: str, cluster: str | None) -> Workload | None:
    """The pods that a manifest makes; None when it has no pod template that can be read."""
    pod = pod_of(manifest)
    return pod_workload(manifest, pod, namespace, cluster) if pod else None


def pod_workload(manifest: Manifest, pod: Mapping[str, Any], namespace: str, cluster: str | None) -> Workload:
    """The workload that a manifest makes of one pod template. Pods of a Job carry its name (labels, `job-name`)."""
    pod_spec = mapping(pod.get("spec"))
    account = pod_spec.get("serviceAccountName", pod_spec.get("serviceAccount"))
    labels = texts(mapping(pod.get("metadata")).get("labels"))
    if manifest.kind == "Job" and manifest.value.get("apiVersion") == "batch/v1" and manifest.name:
        labels |= {"job-name": manifest.name, "batch.kubernetes.io/job-name": manifest.name}
    return Workload(
        kind=manifest.kind,
        name=manifest.name,
        namespace=namespace,
        cluster=cluster,
        labels=labels,
        source=manifest.source,
        service_account=account if isinstance(account, str) and account else "default",
        ports=tuple(_container_ports(pod_spec)),
        host_network=pod_spec.get("hostNetwork") is True,
    )


def pod_of(manifest: Manifest) -> Mapping[str, Any]:
    """The pod that a workload's manifest makes: metadata and spec; empty where there is none."""
    spec = mapping(manifest.value.get("spec"))
    if manifest.kind == "Pod":
        return manifest.value
    if manifest.kind == "CronJob":
        return mapping(mapping(mapping(spec.get("jobTemplate")).get("spec")).get("template"))
    return mapping(spec.get("template"))


def _container_ports(pod_spec: Mapping[str, Any]) -> Iterator[NamedPort]:
    for field in ("containers", "initContainers"):
        for container in items(pod_spec.get(field)):
            for port in items(container.get("ports")):
                number = port.get("containerPort")
                if _is_port(number):
                    yield NamedPort(_text(port.get("name")), number, _protocol(port))


def service(manifest: Manifest, namespace: str, cluster: str | None) -> Service:
    """A Service; an absent or empty selector is None, as neither selects a pod."""
    spec = mapping(manifest.value.get("spec"))
    addresses = spec.get("clusterIPs") or [spec.get("clusterIP")]
    annotations = texts(manifest.metadata.get("annotations"))
    kept = kept_annotations(manifest)
    if "io.cilium/global-service" in annotations:
        kept.setdefault("service.cilium.io/global", annotations["io.cilium/global-service"])
    external, policy = spec.get("externalIPs"), spec.get("externalTrafficPolicy")
    return Service(
        name=manifest.name,
        namespace=namespace,
        cluster=cluster,
        labels=texts(manifest.metadata.get("labels")),
        selector=texts(spec.get("selector")) or None,
        ports=tuple(_service_ports(spec)),
        source=manifest.source,
        type=_text(spec.get("type")) or "ClusterIP",
        cluster_ips=tuple(ip for ip in addresses if isinstance(ip, str) and ip != "None")
        if isinstance(addresses, list)
        else (),
        external_name=_text(spec.get("externalName")) or None,
        annotations=kept,
        external_ips=tuple(ip for ip in external if isinstance(ip, str)) if isinstance(external, list) else (),
        load_balancer_ips=tuple(dict.fromkeys(_load_balancer_ips(manifest, annotations))),
        external_traffic_policy=_text(policy) or "Cluster",
        load_balancer_class=_text(spec.get("loadBalancerClass")) or None,
        headless=spec.get("clusterIP") == "None" or addresses == ["None"],
    )


def _addresses(text: Any) -> Iterator[str]:
    for part in _text(text).split(","):
        if part.strip() and not yamltext.has_substitution(part):
            yield part.strip()


def kept_annotations(manifest: Manifest) -> dict[str, str]:
    """The annotations of an object that a pass may ask for: Cilium's own, and those of external-dns."""
    written = texts(manifest.metadata.get("annotations"))
    return {key: value for key, value in written.items() if key.startswith(_KEPT_ANNOTATIONS)}


def load_balancer_ips(annotations: Mapping[str, str]) -> Iterator[str]:
    """The addresses that annotations ask for."""
    for key in _ADDRESS_ANNOTATIONS:
        yield from _addresses(annotations.get(key))


def _load_balancer_ips(manifest: Manifest, annotations: Mapping[str, str]) -> Iterator[str]:
    """The addresses of a LoadBalancer Service: asked for in its manifest, and given in its status."""
    spec, status = mapping(manifest.value.get("spec")), mapping(manifest.value.get("status"))
    yield from _addresses(spec.get("loadBalancerIP"))
    yield from load_balancer_ips(annotations)
    for item in items(mapping(status.get("loadBalancer")).get("ingress")):
        if _text(item.get("ip")):
            yield _text(item.get("ip"))


def _service_ports(spec: Mapping[str, Any]) -> Iterator[ServicePort]:
    for port in items(spec.get("ports")):
        number = port.get("port")
        if not _is_port(number):
            continue
        target = port.get("targetPort")
        known: int | str = number
        if _is_port(target) or (isinstance(target, str) and target):
            known = target
        node_port = port.get("nodePort")
        yield ServicePort(
            _text(port.get("name")), number, _protocol(port), known, node_port if _is_port(node_port) else None
        )


def endpoint_slice(manifest: Manifest, namespace: str, cluster: str | None) -> EndpointSlice:
    """An EndpointSlice, or an Endpoints object read as one."""
    if manifest.kind == "Endpoints":
        subsets = items(manifest.value.get("subsets"))
        addresses = [_text(item.get("ip")) for subset in subsets for item in items(subset.get("addresses"))]
        ports = [port for subset in subsets for port in items(subset.get("ports"))]
        name = manifest.name
    else:
        found = [endpoint.get("addresses") for endpoint in items(manifest.value.get("endpoints"))]
        addresses = [_text(item) for group in found if isinstance(group, list) for item in group]
        ports = items(manifest.value.get("ports"))
        name = texts(manifest.metadata.get("labels")).get("kubernetes.io/service-name", "")
    return EndpointSlice(
        service=name,
        namespace=namespace,
        cluster=cluster,
        addresses=tuple(address for address in addresses if address),
        ports=tuple(
            NamedPort(_text(port.get("name")), port["port"], _protocol(port))
            for port in ports
            if _is_port(port.get("port"))
        ),
        source=manifest.source,
    )


def namespace(manifest: Manifest, cluster: str | None) -> Namespace:
    return Namespace(manifest.name, cluster, texts(manifest.metadata.get("labels")), manifest.source)


def node(manifest: Manifest, cluster: str | None) -> Node:
    """A Node or a CiliumNode."""
    spec, status = mapping(manifest.value.get("spec")), mapping(manifest.value.get("status"))
    addresses = [_text(item.get("address", item.get("ip"))) for item in items(status.get("addresses"))]
    addresses += [_text(item.get("ip")) for item in items(spec.get("addresses"))]
    ranges = spec.get("podCIDRs") or mapping(spec.get("ipam")).get("podCIDRs") or [spec.get("podCIDR")]
    return Node(
        name=manifest.name,
        cluster=cluster,
        labels=texts(manifest.metadata.get("labels")),
        addresses=tuple(address for address in addresses if address),
        pod_cidrs=tuple(item for item in ranges if isinstance(item, str)) if isinstance(ranges, list) else (),
        source=manifest.source,
    )


def cidr_group(manifest: Manifest, cluster: str | None) -> CIDRGroup:
    cidrs = mapping(manifest.value.get("spec")).get("externalCIDRs")
    return CIDRGroup(
        name=manifest.name,
        cluster=cluster,
        labels=texts(manifest.metadata.get("labels")),
        cidrs=tuple(item for item in cidrs if isinstance(item, str)) if isinstance(cidrs, list) else (),
        source=manifest.source,
    )


def _placed(read: Callable[[Manifest, str, str | None], Any]) -> Callable[[Manifest, str | None], Any]:
    """Reads a manifest into the namespace that it names; None where that is not known."""

    def placed(manifest: Manifest, cluster: str | None) -> Any:
        namespace = namespace_of(manifest)
        return None if namespace is None else read(manifest, namespace, cluster)

    return placed


def _core_service(manifest: Manifest, namespace: str, cluster: str | None) -> Service | None:
    """A Service of the core API; other APIs have kinds of that name too."""
    return service(manifest, namespace, cluster) if manifest.value.get("apiVersion") == "v1" else None


#: The lists of facts, each with the kinds that it is read from and how; the last argument is the cluster's name.
READERS: Mapping[str, tuple[frozenset[str], Callable[[Manifest, str | None], Any]]] = {
    "workloads": (WORKLOAD_KINDS, _placed(workload)),
    "services": (frozenset({"Service"}), _placed(_core_service)),
    "endpoint_slices": (frozenset({"EndpointSlice", "Endpoints"}), _placed(endpoint_slice)),
    "namespaces": (frozenset({"Namespace"}), namespace),
    "nodes": (frozenset({"Node", "CiliumNode"}), node),
    "cidr_groups": (frozenset({"CiliumCIDRGroup"}), cidr_group),
}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _protocol(port: Mapping[str, Any]) -> str:
    return _text(port.get("protocol")).upper() or "TCP"


def _is_port(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 65536
