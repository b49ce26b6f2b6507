"""The DNS of a cluster where its distribution installs it, and nothing in the tree does.

CoreDNS of Talos (its coreDNSTemplate), kubeadm (its CoreDNS add-on), k3s (its coredns manifest) and RKE2: pods with the
label `k8s-app: kube-dns` in kube-system that listen on 53/UDP and 53/TCP, and serve metrics on 9153/TCP. Those of
RKE2 are behind a Service of another name, so only the others' Service `kube-dns` is a fact.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from rewriter.inventory.clusters.known_clusters import KnownClusters
from rewriter.inventory.clusters.settle import UNKNOWN
from rewriter.inventory.facts.completeness import LIFT, Hidden
from rewriter.inventory.files.offered import OfferedFiles
from rewriter.inventory.releases.model import Release
from rewriter.inventory.texts.manifests import Manifest

NAMESPACE = "kube-system"
#: Charts that bring the DNS of a cluster.
_CHARTS = frozenset({"coredns", "rke2-coredns"})
_WORKLOADS = frozenset({b"Deployment", b"DaemonSet"})
_LABELS = {"k8s-app": "kube-dns"}
_PORTS = (("dns", 53, "UDP"), ("dns-tcp", 53, "TCP"), ("metrics", 9153, "TCP"))


def cluster_dns(
    clusters: KnownClusters, releases: Sequence[Release], files: OfferedFiles
) -> Iterator[tuple[Manifest, str | None]]:
    """The DNS that distributions install, with the cluster (None: not known); nothing where the tree brings its own."""
    if any(release.chart.name in _CHARTS for release in releases):
        return
    if files.where(lambda file: not file.kinds.isdisjoint(_WORKLOADS) and file.cluster_dns):
        return
    for name, stated in clusters.distributions.items():
        source = replace(stated.source, via=f"the CoreDNS that {stated.name} installs", partial=True)
        for value in (_DEPLOYMENT, _SERVICE):
            yield Manifest(source, value), None if name == UNKNOWN else name


def hidden_beside(clusters: KnownClusters) -> Iterator[Hidden]:
    """What else a distribution puts into kube-system."""
    for name, stated in clusters.distributions.items():
        only = None if name == UNKNOWN else frozenset({name})
        words = f"what {stated.name} itself installs, {stated.source}"
        yield Hidden(words, LIFT, frozenset({NAMESPACE}), only)


def _port(name: str, number: int, protocol: str) -> dict[str, Any]:
    return {"name": name, "containerPort": number, "protocol": protocol}


_DEPLOYMENT: Mapping[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "coredns", "namespace": NAMESPACE, "labels": _LABELS},
    "spec": {
        "template": {
            "metadata": {"labels": _LABELS},
            "spec": {
                "serviceAccountName": "coredns",
                "containers": [{"name": "coredns", "ports": [_port(*port) for port in _PORTS]}],
            },
        }
    },
}
_SERVICE: Mapping[str, Any] = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "kube-dns", "namespace": NAMESPACE, "labels": _LABELS},
    "spec": {
        "selector": _LABELS,
        "ports": [
            {"name": name, "port": number, "targetPort": number, "protocol": protocol}
            for name, number, protocol in _PORTS
        ],
    },
}
