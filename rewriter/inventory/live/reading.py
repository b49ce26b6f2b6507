"""A cluster as the entry that a snapshot has for it. A list that cannot be read whole is left out and reported."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from rewriter.inventory.cilium.cilium_config import cluster_settings
from rewriter.inventory.facts.model import Node, Source
from rewriter.inventory.live.errors import ClusterError, ListError
from rewriter.inventory.live.identities import identities
from rewriter.inventory.live.listing import Reader
from rewriter.inventory.live.pods import Pod, keep_pod, workloads
from rewriter.inventory.live.policies import keep_policy
from rewriter.inventory.live.resources import CONFIG_MAP, DEFAULT_NAMESPACE, RESOURCES, Resource
from rewriter.inventory.objects import kubernetes
from rewriter.inventory.snapshots.write import fact_as_json
from rewriter.inventory.texts.manifests import Manifest, items, mapping
from rewriter.records import dataclass

_SOURCE = Source("")
#: Addresses of a node that are not the node's own: names, and one of the pod range.
_NOT_OF_NODE = frozenset({"Hostname", "InternalDNS", "ExternalDNS", "CiliumInternalIP"})
Keep = Callable[[dict[str, Any]], Any]


@dataclass(frozen=True, slots=True)
class ClusterReading:
    """A cluster's entry for a snapshot, and for each list that it lacks, why."""

    entry: dict[str, Any]
    failures: Mapping[str, str]

    @property
    def name(self) -> str:
        return str(self.entry["name"])


def read_cluster(reader: Reader, cilium_namespace: str = DEFAULT_NAMESPACE) -> ClusterReading:
    """Reads a cluster. Raises ClusterError where not even its name is known."""
    config_map = _config_map(reader, cilium_namespace)
    found: dict[str, list[Any]] = {}
    failures: dict[str, str] = {}
    for resource in RESOURCES:
        try:
            found[resource.name] = reader.whole(resource, _KEEP[resource.name])
        except ListError as error:
            failures.setdefault(resource.serves, f"{resource.name}: {error}")
    for resource in RESOURCES:
        if resource.serves in failures:
            found[resource.name] = []
    nodes = _nodes(found["nodes"], found["ciliumnodes"])
    pods: list[Pod] = found["pods"]
    agents = {pod.agent for pod in pods if pod.agent and pod.namespace == cilium_namespace}
    entry = cluster_settings(config_map, agents, nodes)
    name = entry["name"]
    if found["servicecidrs"]:
        entry["service_cidrs"] = sorted({cidr for cidrs in found["servicecidrs"] for cidr in cidrs})
    lists = {
        "namespaces": _facts(found["namespaces"]),
        "workloads": _facts(workloads(pods, name, _SOURCE)),
        "services": _facts(found["services"]),
        "endpoint_slices": _facts(found["endpointslices"]),
        "nodes": _facts(nodes),
        "cidr_groups": _facts(found["ciliumcidrgroups"]),
        "identities": identities(found["ciliumidentities"], found["ciliumendpoints"]),
        "policies": _policies(found),
    }
    entry |= {key: value for key, value in lists.items() if key not in failures}
    if failures:
        entry["incomplete"] = dict(sorted(failures.items()))
    return ClusterReading(entry, failures)


def _config_map(reader: Reader, namespace: str) -> dict[str, Any]:
    path = f"/api/v1/namespaces/{namespace}/configmaps/{CONFIG_MAP}"
    context = reader.api.context
    try:
        value = reader.one(path)
    except ListError as error:
        needs = f"; it needs verb get on configmaps {CONFIG_MAP} in {namespace}" if "403" in str(error) else ""
        raise ClusterError(f"context {context}: ConfigMap {namespace}/{CONFIG_MAP}: {error}{needs}") from None
    if value is None:
        raise ClusterError(
            f"context {context}: there is no ConfigMap {namespace}/{CONFIG_MAP}; "
            "if Cilium runs in another namespace, say so with --cilium-namespace"
        )
    return value


def _with_kind(make: Callable[[Manifest], Any]) -> Keep:
    return lambda value: make(Manifest(_SOURCE, value))


def _namespace(manifest: Manifest) -> str:
    namespace = manifest.metadata.get("namespace")
    return namespace if isinstance(namespace, str) else ""


def _node(value: dict[str, Any]) -> Node:
    """A Node or CiliumNode with the addresses that are its own."""
    own = dict(value)
    for part in ("spec", "status"):
        fields = dict(mapping(value.get(part)))
        fields["addresses"] = [item for item in items(fields.get("addresses")) if item.get("type") not in _NOT_OF_NODE]
        own[part] = fields
    return kubernetes.node(Manifest(_SOURCE, own), None)


def _service_cidrs(value: dict[str, Any]) -> list[str]:
    cidrs = mapping(value.get("spec")).get("cidrs")
    return [cidr for cidr in cidrs if isinstance(cidr, str)] if isinstance(cidrs, list) else []


_KEEP: Mapping[str, Keep] = {
    "namespaces": _with_kind(lambda manifest: kubernetes.namespace(manifest, None)),
    "nodes": _node,
    "pods": keep_pod,
    "services": _with_kind(lambda manifest: kubernetes.service(manifest, _namespace(manifest), None)),
    "endpointslices": _with_kind(lambda manifest: kubernetes.endpoint_slice(manifest, _namespace(manifest), None)),
    "servicecidrs": _service_cidrs,
    "networkpolicies": keep_policy,
    "ciliumnetworkpolicies": keep_policy,
    "clusternetworkpolicies": keep_policy,
    "ciliumclusterwidenetworkpolicies": keep_policy,
    "ciliumnodes": _node,
    "ciliumcidrgroups": _with_kind(lambda manifest: kubernetes.cidr_group(manifest, None)),
    "ciliumidentities": lambda value: (_name(value), mapping(value.get("security-labels"))),
    "ciliumendpoints": lambda value: mapping(value.get("status")),
}


def _name(value: Mapping[str, Any]) -> str:
    name = mapping(value.get("metadata")).get("name")
    return name if isinstance(name, str) else ""


def _nodes(plain: Iterable[Node], cilium: Iterable[Node]) -> list[Node]:
    """One fact for each node. Pod ranges are Cilium's own where it keeps any, else those of the node."""
    nodes = {node.name: node for node in plain}
    for node in cilium:
        known = nodes.get(node.name)
        if known is None:
            nodes[node.name] = node
            continue
        addresses = tuple(sorted({*known.addresses, *node.addresses}))
        nodes[node.name] = replace(known, addresses=addresses, pod_cidrs=node.pod_cidrs or known.pod_cidrs)
    return list(nodes.values())


def _facts(facts: Iterable[Any]) -> list[dict[str, Any]]:
    return sorted((fact_as_json(fact) for fact in facts), key=_order)


def _policies(found: Mapping[str, Sequence[dict[str, Any]]]) -> list[dict[str, Any]]:
    return sorted((policy for resource in _policy_resources() for policy in found[resource.name]), key=_policy_order)


def _policy_resources() -> list[Resource]:
    return [resource for resource in RESOURCES if resource.serves == "policies"]


def _order(entry: Mapping[str, Any]) -> tuple[str, ...]:
    return (str(entry.get("namespace", "")), str(entry.get("name", entry.get("service", ""))), repr(entry))


def _policy_order(policy: Mapping[str, Any]) -> tuple[str, ...]:
    metadata = mapping(policy.get("metadata"))
    return (str(policy["kind"]), str(metadata.get("namespace", "")), str(metadata.get("name", "")))
