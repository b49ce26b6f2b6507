"""Who is meant by an endpoint of a flow, in whatever detail it is named."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from rewriter import patterns as re
from rewriter.cilium.cidr import AddressError, Prefix, parse_prefix, parse_prefix_or_address
from rewriter.cilium.entities import CLUSTER_MEMBERS
from rewriter.cilium.identity import RESERVED_IDENTITIES, Identity, outside_identity, reserved_identity
from rewriter.cilium.labels import CLUSTER_LABEL, K8S, NAMESPACE_LABEL, Label, pod_labels, split_key
from rewriter.cilium.version import LOAD_BALANCED_IN_POD
from rewriter.engine.run.workspace import Workspace
from rewriter.evidence.api_server import CONTROL_PLANE_ROLES, server_nodes
from rewriter.evidence.clusters import bare
from rewriter.evidence.settings import DEFAULT_NAME, valid_prefixes, workload_identity
from rewriter.inventory.facts.model import Cluster, Node, Service, Workload
from rewriter.records import dataclass
from rewriter.text import join_names

#: The words by which kubectl knows kinds.
_KINDS = {
    "deployment": ("deployments", "deploy"),
    "statefulset": ("statefulsets", "sts"),
    "daemonset": ("daemonsets", "ds"),
    "replicaset": ("replicasets", "rs"),
    "cronjob": ("cronjobs", "cj"),
    "job": ("jobs",),
    "pod": ("pods", "po"),
    "service": ("services", "svc"),
}
_KIND_OF = {word: kind for kind, words in _KINDS.items() for word in (kind, *words)}
_SERVICE = "service"
#: The identities of nodes, which have addresses.
_NODES = ("host", "remote-node", "kube-apiserver")
_ENTITIES = ("all", "cluster", "cluster-mesh", "none")
_DNS_NAME = re.compile(r"[a-z0-9_]([-a-z0-9_]*[a-z0-9_])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)+\.?", re.IGNORECASE)
_IN_CLUSTER = re.compile(r"([-a-z0-9]+)\.([-a-z0-9]+)(\.svc(\.[-a-z0-9.]+)?)?\.?", re.IGNORECASE)
_EVERYWHERE = parse_prefix("0.0.0.0/0")
_FORMS = (
    "expected namespace/workload, namespace/service, namespace/key=value, an entity, an address or a DNS name; "
    "a cluster and a kind may stand before the name"
)


class FlowError(ValueError):
    """An endpoint or port that is not known: one line that says what was expected."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An end of a flow. `missing` says what is not known of it, `workload` is set for pods of a known one."""

    name: str
    identity: Identity
    cluster: Cluster | None
    missing: tuple[str, ...] = ()
    workload: Workload | None = None

    @property
    def host_network(self) -> bool:
        return self.workload is not None and self.workload.host_network


@dataclass(frozen=True, slots=True)
class Named:
    """What a name means: an endpoint, a Service, or both."""

    endpoint: Endpoint | None
    service: Service | None = None


def named(workspace: Workspace, text: str, near: Cluster | None = None) -> Named:
    """What is meant by an entity, an address, a DNS name, labels, or `[cluster/][kind/][namespace/]name`.

    What names no cluster is in `near`, else in that of most policies, else in the only one that has it. Raises
    FlowError for a name that is unknown, or means several things.
    """
    own = near or own_cluster(workspace)
    if text == "world":
        return Named(Endpoint(text, outside_identity(_EVERYWHERE, name=text), own))
    if text in RESERVED_IDENTITIES:
        return Named(_reserved(workspace, text, own))
    try:
        return _address(workspace, text, parse_prefix_or_address(text), own)
    except AddressError:
        pass
    if "=" in text:
        return Named(_labelled(workspace, text, own))
    found = _by_name(workspace, text, own)
    if found is not None:
        return found
    if text in _ENTITIES:
        raise FlowError(f"{text}: is an entity of several identities; name one, such as {join_names(CLUSTER_MEMBERS)}")
    service = _in_cluster_name(workspace, text)
    if service is not None:
        return Named(None, service)
    if _DNS_NAME.fullmatch(text):
        return Named(outside_name(text, own))
    raise FlowError(f"{text}: {_FORMS}")


def own_cluster(workspace: Workspace) -> Cluster | None:
    """The cluster of most policies, for endpoints that name none: the first that a policy is applied to."""
    for located in (*workspace.policies(), *workspace.cluster_network_policies(None)):
        cluster = workspace.inventory.cluster_of(located.path)
        if cluster is not None:
            return cluster
    return None


def outside_name(name: str, own: Cluster | None) -> Endpoint:
    """The addresses outside the mesh that a DNS name leads to, known by that name only."""
    bare = name.lower().removesuffix(".")
    outside = outside_identity(_EVERYWHERE, name=name, dns_names=(bare,))
    return Endpoint(name, outside, own, (f"the addresses of {bare}: rules by address may mean them",))


def of_workload(workspace: Workspace, name: str, workload: Workload, own: Cluster | None) -> Endpoint:
    """The pods of a workload as an end of flows."""
    clusters = {cluster.name: cluster for cluster in workspace.inventory.clusters}
    where = clusters.get(workload.cluster or "") or own
    identity = workload_identity(workload, workspace.inventory, where.name if where else DEFAULT_NAME)
    return Endpoint(name, identity, where, workload=workload)


def of_labels(workspace: Workspace, name: str, namespace: str, labels: dict[str, str], own: Cluster | None) -> Endpoint:
    """Pods known by their namespace and labels only."""
    local = own.name if own else DEFAULT_NAME
    known = {k: v for n in workspace.inventory.namespaces(namespace) for k, v in n.labels.items()}
    identity = pod_labels(cluster=local, namespace=namespace, labels=labels, namespace_labels=known)
    return Endpoint(name, Identity(name, identity), own, (f"other labels, port names and service account of {name}",))


def at_address(workspace: Workspace, text: str, address: Prefix, own: Cluster | None) -> Endpoint:
    """Who has an address: a node, a pod known by its address only, or an address outside the mesh."""
    nodes = [node for node in workspace.inventory.addresses.nodes(address) if _here(node.cluster, own)]
    if nodes:
        return Endpoint(text, _node(nodes[0], own)._replace(name=text, addresses=(address,)), own)
    for cluster in [own] if own else workspace.inventory.clusters:
        if any(prefix.contains(address) for prefix in valid_prefixes(cluster.pod_cidrs or ())):
            labels = pod_labels(cluster=cluster.name, namespace="", labels={})
            missing = (
                f"which pod has {text}: it lies among the pods of {cluster.name} ({cluster.source_of('pod_cidrs')})",
            )
            return Endpoint(text, Identity(text, labels, addresses=(address,)), cluster, missing)
    return Endpoint(text, outside_identity(address, name=text), own)


def _reserved(workspace: Workspace, text: str, own: Cluster | None) -> Endpoint:
    """A reserved identity. Where rules by address match nodes, the API server is judged at its address, if known."""
    identity = reserved_identity(text)
    if own is None or not own.cidr_match_nodes or text not in _NODES:
        return Endpoint(text, identity, own)
    found = server_nodes(workspace.inventory, own) if text == "kube-apiserver" else ()
    addresses = list(dict.fromkeys(one for _, of_node in found for one in of_node))
    if not addresses:
        missing = f"the address of {text}: with policyCIDRMatchMode nodes, rules by address may mean it"
        return Endpoint(text, identity, own, (missing,))
    shown = [bare(address) for address in addresses]
    several = (
        f"which address of {text} is asked ({join_names(shown, most=3)}): judged at {shown[0]}, and with "
        "policyCIDRMatchMode nodes rules by address may mean another one",
    )
    at_first = identity._replace(addresses=(addresses[0],))
    return Endpoint(text, at_first, own, several if len(addresses) > 1 else ())


def _node(node: Node, own: Cluster | None) -> Identity:
    """Another node than the own one; it has labels of its own where the agents take rules that name nodes."""
    identity = reserved_identity("kube-apiserver" if CONTROL_PLANE_ROLES.intersection(node.labels) else "remote-node")
    if own is None or not own.node_selector_labels:
        return identity
    labels = {**node.labels, CLUSTER_LABEL: node.cluster or own.name}
    return identity._replace(labels=identity.labels | {Label(K8S, key, value) for key, value in labels.items()})


def _address(workspace: Workspace, text: str, address: Prefix, own: Cluster | None) -> Named:
    single = address.bits == address.width
    services = [service for service in workspace.inventory.addresses.services(address) if _here(service.cluster, own)]
    for service in services if single else ():
        replaced = own.kube_proxy_replacement if own else None
        balanced = replaced is not False or workspace.to_version >= LOAD_BALANCED_IN_POD
        if balanced or text in service.cluster_ips:
            return Named(at_address(workspace, text, address, own), service)
    return Named(at_address(workspace, text, address, own))


def _here(cluster: str | None, own: Cluster | None) -> bool:
    return own is None or cluster in (None, own.name)


def _labelled(workspace: Workspace, text: str, own: Cluster | None) -> Endpoint:
    """`[cluster/][namespace/]key=value,…`; a prefix of the first key has a dot, as namespaces and clusters have not."""
    first, equals, rest = text.partition("=")
    *where, key = first.split("/")
    if where and "." in where[-1]:
        key = f"{where.pop()}/{key}"
    pairs = [part.partition("=") for part in f"{key}{equals}{rest}".split(",")]
    labels = {split_key(name)[1]: value for name, _, value in pairs if name}
    namespace = labels.pop(NAMESPACE_LABEL, "")
    cluster_name = labels.pop(CLUSTER_LABEL, "")
    where += [namespace] if namespace and not where else []
    if len(where) > 2 or (not where and not labels):
        raise FlowError(f"{text}: {_FORMS}")
    if len(where) == 2 or cluster_name:
        own = _cluster(workspace, text, where[0] if len(where) == 2 else cluster_name)
    if where:
        return of_labels(workspace, text, where[-1], labels, own)
    found = {
        workload.namespace
        for workload in workspace.inventory.workloads_with(labels)
        if labels.items() <= workload.labels.items() and _here(workload.cluster, own)
    }
    if len(found) != 1:
        many = f"; pods of {join_names(sorted(found))} have these labels" if found else ""
        raise FlowError(f"{text}: expected the namespace before the labels, as in shop/{text}{many}")
    return of_labels(workspace, text, found.pop(), labels, own)


def _cluster(workspace: Workspace, text: str, name: str) -> Cluster | None:
    """The cluster of a name; None for the name of one that is not known at all."""
    clusters = {cluster.name: cluster for cluster in workspace.inventory.clusters}
    if not clusters and name == DEFAULT_NAME:
        return None
    if name not in clusters:
        raise FlowError(f"{text}: no cluster {name!r}; known: {', '.join(clusters) or 'none'}")
    return clusters[name]


def _by_name(workspace: Workspace, text: str, own: Cluster | None) -> Named | None:
    """Workload and Service of a name in any order of detail; None for a single word that names none."""
    *where, name = text.split("/")
    plain = _find(workspace, text, where, name, "", own) if len(where) < 3 else None
    if plain is not None:
        return plain
    kinds = [part for part in where if part.lower() in _KIND_OF]
    if kinds:
        rest = list(where)
        rest.remove(kinds[-1])
        of_kind = _find(workspace, text, rest, name, _KIND_OF[kinds[-1].lower()], own) if len(rest) < 3 else None
        if of_kind is not None:
            return of_kind
        where = rest
    if len(where) == 2:
        _cluster(workspace, text, where[0])
    if len(where) > 2:
        raise FlowError(f"{text}: {_FORMS}")
    if where:
        advice = f"name its labels instead: {where[-1]}/key=value"
        raise FlowError(f"{text}: no such workload in the inventory, and no such Service; {advice}")
    return None


def _find(
    workspace: Workspace, text: str, where: Sequence[str], name: str, kind: str, own: Cluster | None
) -> Named | None:
    inventory = workspace.inventory
    placed = len(where) == 2
    if placed:
        if where[0] not in ({cluster.name for cluster in inventory.clusters} or {DEFAULT_NAME}):
            return None
        own = _cluster(workspace, text, where[0])
    namespace = where[-1] if where else ""
    fits = partial(_fits, name=name, namespace=namespace)
    workloads = [
        workload for workload in inventory.all_workloads() if fits(workload) and kind in ("", workload.kind.lower())
    ]
    services = [service for service in inventory.services(name) if fits(service)] if kind in ("", _SERVICE) else []
    found: list[Workload | Service] = [*workloads, *services]
    if not placed and found and not any(_here(candidate.cluster, own) for candidate in found):
        clusters = sorted({str(candidate.cluster) for candidate in found})
        if len(clusters) > 1:
            raise FlowError(f"{text}: is in the clusters {join_names(clusters)}; say which, as in {clusters[0]}/{text}")
        if _find_in_cluster(workspace, text, where, name, kind):
            raise FlowError(
                f"{text}: is in namespace {where[0]} of {clusters[0]}, and in cluster {where[0]}; say cluster and "
                f"namespace, as in {clusters[0]}/{text}"
            )
        own = _cluster(workspace, text, clusters[0])
    workloads = [workload for workload in workloads if _here(workload.cluster, own)]
    services = [service for service in services if _here(service.cluster, own)]
    found = [*workloads, *services]
    if not namespace:
        places = sorted({candidate.namespace for candidate in found})
        if len(places) > 1:
            raise FlowError(f"{text}: is in {join_names(places)}; say which, as in {places[0]}/{name}")
    if not workloads and not services:
        return _find_in_cluster(workspace, text, where, name, kind)
    endpoint = of_workload(workspace, text, workloads[0], own) if workloads else None
    return Named(endpoint, services[0] if services else None)


def _find_in_cluster(workspace: Workspace, text: str, where: Sequence[str], name: str, kind: str) -> Named | None:
    """What has a name in any namespace of the cluster before it; None where one word before it names no cluster."""
    if len(where) != 1 or where[0] not in {cluster.name for cluster in workspace.inventory.clusters}:
        return None
    return _find(workspace, text, [where[0], ""], name, kind, None)


def _fits(fact: Workload | Service, *, name: str, namespace: str) -> bool:
    return fact.name == name and namespace in ("", fact.namespace)


def _in_cluster_name(workspace: Workspace, text: str) -> Service | None:
    """The Service that a name of the cluster's own DNS means."""
    match = _IN_CLUSTER.fullmatch(text)
    if match is None:
        return None
    found = workspace.inventory.services(match[1].lower(), match[2].lower())
    if not found and match[3]:
        raise FlowError(f"{text}: no Service {match[2]}/{match[1]} is known")
    return found[0] if found else None
