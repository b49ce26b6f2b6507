"""Services behind which policy sees a node in the place of the client that came in by it."""

from __future__ import annotations

from rewriter.inventory.facts.model import Cluster, Service
from rewriter.inventory.questions.inventory import Inventory

#: Other classes of load balancers may be proxies, or keep the client's address.
_CILIUM = "io.cilium/"


def hiding_services(inventory: Inventory, cluster: Cluster | None) -> list[Service]:
    """The Services that send clients of other nodes on from the node by which they came in.

    They are NodePorts and load balancers with `externalTrafficPolicy: Cluster`; none in a cluster that forwards with
    the client's address (`loadBalancer.mode: dsr`), nor in one that may, since it takes values that are not read.
    Source: Cilium documentation, "Kubernetes Without kube-proxy", section "Client Source IP Preservation".
    """
    clusters = [cluster] if cluster is not None else inventory.clusters
    known = [each.datapath for each in clusters if each.datapath is not None]
    if any(datapath.dsr for datapath in known) or (not known and inventory.unread_settings(cluster)):
        return []
    return [
        service
        for service in inventory.all_services()
        if service.type in ("NodePort", "LoadBalancer")
        and service.external_traffic_policy == "Cluster"
        and (service.load_balancer_class or _CILIUM).startswith(_CILIUM)
        and (cluster is None or service.cluster in (None, cluster.name))
    ]
