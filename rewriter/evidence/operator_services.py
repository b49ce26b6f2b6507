"""The Services that operators make for a resource of theirs, by the names that they document.

- CloudNativePG (documentation, "Service Management"): `<cluster>-rw`, `-ro` and `-r` on 5432; a Pooler's has its name.
- dragonfly-operator (`internal/resources`): a Dragonfly's has its name, on 6379.
- prometheus-operator (`pkg/prometheus/server`, `pkg/alertmanager`): `prometheus-operated` on 9090 and
  `alertmanager-operated` on 9093, for all of a namespace.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from rewriter.evidence.context import Context, is_here
from rewriter.inventory.facts.model import Service, ServicePort, Workload

_POSTGRES, _REDIS = 5432, 6379
_OF_CLUSTERS = ("-rw", "-ro", "-r")
#: By name, what is behind it: the kind of the resource, the labels of its pods, and the port.
_OPERATED: Mapping[str, tuple[str, Mapping[str, str], int]] = {
    "prometheus-operated": ("Prometheus", {"app.kubernetes.io/name": "prometheus"}, 9090),
    "alertmanager-operated": ("Alertmanager", {"app.kubernetes.io/name": "alertmanager"}, 9093),
}


def operator_services(context: Context, name: str, namespace: str) -> Iterator[Service]:
    """The Services of a name that an operator makes of a known resource of the namespace."""
    for selector, kind, port in _meant_by(name):
        pods = [w for w in context.inventory.workloads_with(selector) if w.kind == kind and w.namespace == namespace]
        pods = [workload for workload in pods if is_here(context, workload.cluster)]
        if len(pods) == 1 or (len(pods) > 1 and name in _OPERATED):
            yield _service(pods[0], name, selector, port)


def _meant_by(name: str) -> Iterator[tuple[Mapping[str, str], str, int]]:
    """What a name may stand for: the labels of the pods, the kind of their resource, the port."""
    if name in _OPERATED:
        kind, labels, port = _OPERATED[name]
        yield labels, kind, port
        return
    ending = next((ending for ending in _OF_CLUSTERS if name.endswith(ending)), None)
    if ending is not None:
        yield {"cnpg.io/cluster": name.removesuffix(ending)}, "Cluster", _POSTGRES
    yield {"cnpg.io/poolerName": name}, "Pooler", _POSTGRES
    yield {"app": name}, "Dragonfly", _REDIS


def _service(pods: Workload, name: str, selector: Mapping[str, str], port: int) -> Service:
    source = replace(pods.source, via=f"the Service that the operator of a {pods.kind} makes")
    ports = (ServicePort("", port, "TCP", port),)
    return Service(name, pods.namespace, pods.cluster, {}, selector, ports, source)
