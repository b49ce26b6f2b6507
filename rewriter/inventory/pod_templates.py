"""Pods that an object of any kind makes: wherever a pod template stands in it.

A pod template is a mapping with `metadata` and a `spec` with `containers` (Kubernetes), or with a `domain` (KubeVirt,
whose virt-launcher pods carry the labels of the template).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rewriter.inventory.facts import Workload
from rewriter.inventory.kubernetes import pod_workload
from rewriter.inventory.manifests import Manifest, items, mapping
from rewriter.inventory.understood import group_of, is_fact, is_inert
from rewriter.yamltext import has_substitution

#: No object nests a template deeper.
_DEEPEST = 12

#: Labels that a controller adds to the pods it makes from a template, by API group; `*` stands for any rest.
_ADDED: Mapping[str, tuple[str, ...]] = {
    "apps.kruise.io": ("controller-revision-hash", "apps.kruise.io/*", "lifecycle.apps.kruise.io/*"),
    "argoproj.io": ("rollouts-pod-template-hash", "workflows.argoproj.io/*"),
    "apps.openshift.io": ("deployment", "deploymentconfig", "openshift.io/*"),
    "batch.volcano.sh": ("volcano.sh/*",),
    "jobset.x-k8s.io": ("jobset.sigs.k8s.io/*", "job-name", "batch.kubernetes.io/*"),
    "keda.sh": ("scaledjob.keda.sh/*", "job-name", "batch.kubernetes.io/*"),
    "kubeflow.org": ("training.kubeflow.org/*", "job-name"),
    "kubevirt.io": ("kubevirt.io", "kubevirt.io/*", "vm.kubevirt.io/*"),
    "serving.knative.dev": ("app", "serving.knative.dev/*"),
}
#: Labels that the controllers of Kubernetes add with values that no manifest tells, and that Cilium does not leave out
#: of identities.
_OF_KUBERNETES: Mapping[str, tuple[str, ...]] = {"CronJob": ("job-name", "batch.kubernetes.io/job-name")}


def template_workloads(manifest: Manifest, namespace: str, cluster: str | None) -> Iterator[Workload]:
    """The workloads of an object that is none of Kubernetes' own: one for each pod template in it."""
    if is_fact(manifest.value) or is_inert(manifest.value):
        return
    seen = []
    for template in pod_templates(manifest.value):
        workload = pod_workload(manifest, template, namespace, cluster)
        if workload not in seen:
            seen.append(workload)
            yield workload


def pod_templates(value: Any, depth: int = 0) -> Iterator[Mapping[str, Any]]:
    """Every pod template in a value, the outermost ones where they are nested."""
    if depth > _DEEPEST:
        return
    if isinstance(value, dict):
        if depth and _is_template(value):
            yield value
            return
        for part in value.values():
            yield from pod_templates(part, depth + 1)
    elif isinstance(value, list):
        for part in value:
            yield from pod_templates(part, depth + 1)


def _is_template(value: Mapping[str, Any]) -> bool:
    spec = mapping(value.get("spec"))
    labels = mapping(value.get("metadata")).get("labels")
    if isinstance(spec.get("domain"), dict):
        return True
    containers = items(spec.get("containers"))
    return bool(containers) and (labels is not None or all("image" in each or "name" in each for each in containers))


def uncertain_labels(value: Mapping[str, Any], workload: Workload) -> Iterator[tuple[frozenset[str], str]]:
    """Keys of labels that pods of a workload carry with values that are not known, and why in one line each.

    `${VAR}` without a value, and labels that a controller adds with values that the object does not tell.
    """
    open_ = [key for key, text in workload.labels.items() if has_substitution(text) or has_substitution(key)]
    if open_:
        keys = frozenset("*" if has_substitution(key) else key for key in open_)
        shown = f"{open_[0]}={workload.labels[open_[0]]}"
        yield keys, f"{workload}, whose label {shown} is not known, {workload.source}"
    added = _OF_KUBERNETES.get(workload.kind, ()) if is_fact(value) else _ADDED.get(group_of(value), ())
    if added:
        yield frozenset(added), f"{workload}, whose controller adds labels to its pods, {workload.source}"
