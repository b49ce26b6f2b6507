"""The pods that evidently use others: whose settings name a Service behind which these stand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from rewriter import patterns as re
from rewriter.evidence.context import Context, is_here
from rewriter.evidence.target_ports import is_behind, target_numbers
from rewriter.evidence.used_services import UsedService, used_services
from rewriter.inventory.facts.model import Workload

#: Folders with manifests that people read or try, beside those that run.
_ASIDE = re.compile(
    r"(?:^|/)(?:\.?examples?|docs?|documentation|samples?|tests?|e2e|testdata|fixtures|demos?)/", re.IGNORECASE
)


class Client(NamedTuple):
    """Pods that use a Service in front of others, and the ports of these on which they do so."""

    pods: Workload
    used: UsedService
    ports: tuple[int, ...]


def clients_of(context: Context, workload: Workload) -> tuple[Client, ...]:
    """The pods of other workloads whose settings name a Service in front of a workload, off the host network."""
    found: list[Client] = []
    for pods, used in _users(context).get(workload.namespace, ()):
        if pods == workload or not is_behind(workload, used.service):
            continue
        if _ASIDE.search(pods.source.path) and not _ASIDE.search(workload.source.path):
            continue  # An example of a client asks for nothing.
        numbers = (target_numbers(used.service, port.port, workload) for port in used.ports)
        ports = dict.fromkeys(number for found in numbers for number, protocol in found if protocol == "TCP")
        if ports:
            found.append(Client(pods, used, tuple(ports)))
    return tuple(found)


def _users(context: Context) -> Mapping[str, list[tuple[Workload, UsedService]]]:
    """Who uses which Service, by the Service's namespace. Found out once a cluster."""
    key = ("users of services", context.cluster.name if context.cluster else None)
    if key not in context.answers:
        users: dict[str, list[tuple[Workload, UsedService]]] = {}
        for pods in context.inventory.all_workloads():
            if pods.host_network or not is_here(context, pods.cluster):
                continue
            used_here = used_services(context, pods)
            if used_here and not context.inventory.doubts(pods):  # One that nothing applies asks for nothing.
                for used in used_here:
                    users.setdefault(used.service.namespace, []).append((pods, used))
        context.answers[key] = users
    found: Mapping[str, list[tuple[Workload, UsedService]]] = context.answers[key]
    return found
