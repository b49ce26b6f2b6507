"""Pods as workloads: one for each owner and set of labels, not one for each pod."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from rewriter import patterns as re
from rewriter.inventory.facts.model import NamedPort, Source, Workload
from rewriter.inventory.objects import kubernetes
from rewriter.inventory.texts.manifests import Manifest, items, mapping, texts

AGENT_CONTAINER = "cilium-agent"
#: Labels that differ from pod to pod of one owner. Cilium's identities leave them out too (agent option `labels`).
POD_LABELS = frozenset(
    {
        "apps.kubernetes.io/pod-index",
        "batch.kubernetes.io/controller-uid",
        "batch.kubernetes.io/job-completion-index",
        "controller-revision-hash",
        "controller-uid",
        "pod-template-generation",
        "pod-template-hash",
        "statefulset.kubernetes.io/pod-name",
    }
)
_JOB_LABELS = frozenset({"job-name", "batch.kubernetes.io/job-name"})
#: A CronJob names its Jobs after itself and the minute of their schedule.
_CRON_JOB = re.compile(r"(.+)-\d{8,}")


class Pod(NamedTuple):
    """What is kept of a pod, hashable; `agent` is the image of the Cilium agent where the pod is one."""

    kind: str
    name: str
    namespace: str
    labels: tuple[tuple[str, str], ...]
    service_account: str
    ports: tuple[NamedPort, ...]
    host_network: bool
    agent: str = ""


def keep_pod(value: Mapping[str, Any]) -> Pod:
    """A pod without what differs between its owner's pods."""
    manifest = Manifest(Source(""), value)
    namespace = manifest.metadata.get("namespace")
    found = kubernetes.workload(manifest, namespace if isinstance(namespace, str) else "", None)
    assert found is not None, "a Pod is its own template"
    kind, name, labels = _owner(found, manifest.metadata)
    return Pod(
        kind,
        name,
        found.namespace,
        tuple(sorted((key, value) for key, value in labels.items() if key not in POD_LABELS)),
        found.service_account,
        found.ports,
        found.host_network,
        _agent_image(mapping(value.get("spec"))),
    )


def workloads(pods: Iterable[Pod], cluster: str, source: Source) -> list[Workload]:
    """The workloads of pods, in the order of namespace, name, kind and labels."""
    return [
        Workload(
            pod.kind,
            pod.name,
            pod.namespace,
            cluster,
            dict(pod.labels),
            source,
            pod.service_account,
            pod.ports,
            pod.host_network,
        )
        for pod in sorted({pod._replace(agent="") for pod in pods}, key=_order)
    ]


def _order(pod: Pod) -> tuple[Any, ...]:
    return (pod.namespace, pod.name, pod.kind, pod.labels, pod.service_account, pod.ports, pod.host_network)


def _owner(pod: Workload, metadata: Mapping[str, Any]) -> tuple[str, str, Mapping[str, str]]:
    """Kind and name of what makes the pod, and the pod's labels without those of one Job of a CronJob."""
    for owner in items(metadata.get("ownerReferences")):
        kind, name = owner.get("kind"), owner.get("name")
        if owner.get("controller") is not True or not isinstance(kind, str) or not isinstance(name, str):
            continue
        template = pod.labels.get("pod-template-hash")
        if kind == "ReplicaSet" and template and name.endswith(f"-{template}"):
            return "Deployment", name.removesuffix(f"-{template}"), pod.labels
        scheduled = _CRON_JOB.fullmatch(name)
        if kind == "Job" and scheduled:
            kept = {key: value for key, value in pod.labels.items() if key not in _JOB_LABELS}
            return "CronJob", scheduled[1], kept
        return kind, name, pod.labels
    return "Pod", pod.name, pod.labels


def _agent_image(spec: Mapping[str, Any]) -> str:
    for container in items(spec.get("containers")):
        if container.get("name") == AGENT_CONTAINER:
            return texts(container).get("image", "")
    return ""
