"""Workloads that are written to have no pods, and what gives workloads another number of pods.

Sources: Kubernetes API reference, `spec.replicas` and `HorizontalPodAutoscalerSpec.scaleTargetRef`; KEDA, "ScaledObject
specification" (the kind of a target is Deployment where none is written); Argo Rollouts, `spec.workloadRef`, whose pods
are made of the template of a Deployment with no pods of its own.
"""

from __future__ import annotations

from rewriter.inventory.facts.model import Source
from rewriter.inventory.objects.kubernetes import namespace_of
from rewriter.inventory.texts.manifests import Manifest, mapping
from rewriter.inventory.texts.understood import is_fact
from rewriter.records import dataclass

#: The kinds whose number of pods is a field.
COUNTED_KINDS = frozenset({"Deployment", "StatefulSet", "ReplicaSet", "ReplicationController"})
_TARGETS = {
    "HorizontalPodAutoscaler": "scaleTargetRef",
    "ScaledObject": "scaleTargetRef",
    "HTTPScaledObject": "scaleTargetRef",
    "Rollout": "workloadRef",
}
SCALER_KINDS = frozenset(_TARGETS)


@dataclass(frozen=True, slots=True)
class NamedWorkload:
    """The workload of a kind and name in a namespace, and where something is stated of the number of its pods."""

    kind: str
    name: str
    namespace: str
    cluster: str | None
    source: Source


def without_pods(manifest: Manifest, cluster: str | None) -> NamedWorkload | None:
    """A workload that is written to have no pods; None for others."""
    count, namespace = mapping(manifest.value.get("spec")).get("replicas"), namespace_of(manifest)
    if count is False or count != 0 or namespace is None or not is_fact(manifest.value):
        return None
    return NamedWorkload(manifest.kind, manifest.name, namespace, cluster, manifest.source)


def scaled(manifest: Manifest, cluster: str | None) -> NamedWorkload | None:
    """The workload to which an object gives another number of pods than is written; None where it names none."""
    target = mapping(mapping(manifest.value.get("spec")).get(_TARGETS[manifest.kind]))
    namespace = namespace_of(manifest)
    name, kind = target.get("name"), target.get("kind", "Deployment")
    if not isinstance(name, str) or not isinstance(kind, str) or namespace is None:
        return None
    return NamedWorkload(kind, name, namespace, cluster, manifest.source)
