"""Pods that an object of any kind makes: wherever a pod template stands in it.

A pod template is a mapping with `metadata` and a `spec` with `containers` (Kubernetes), or with a `domain` (KubeVirt,
whose virt-launcher pods carry the labels of the template).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rewriter.cilium.label_syntax import is_label_value, name_problems
from rewriter.inventory.facts.completeness import Hidden
from rewriter.inventory.facts.model import Workload
from rewriter.inventory.objects.kubernetes import is_namespace, pod_of, pod_workload
from rewriter.inventory.texts.manifests import Manifest, items, mapping
from rewriter.inventory.texts.understood import group_of, is_fact, is_inert

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
#: Labels that the controllers of Kubernetes add with values that no manifest has, and that Cilium does not leave out
#: of identities.
_OF_KUBERNETES: Mapping[str, tuple[str, ...]] = {"CronJob": ("job-name", "batch.kubernetes.io/job-name")}


def template_workloads(manifest: Manifest, namespace: str, cluster: str | None) -> Iterator[Workload]:
    """The workloads of an object that is none of Kubernetes' own: one for each pod template of its own."""
    if is_fact(manifest.value) or is_inert(manifest.value):
        return
    seen = []
    for owner, template in _templates(manifest.value):
        workload = pod_workload(manifest, template, namespace, cluster)
        if owner is None and workload not in seen:
            seen.append(workload)
            yield workload


def wrapped_pods(manifest: Manifest, clusters: frozenset[str] | None) -> Iterator[Hidden]:
    """The pods of manifests that an object hands on (Crossplane, Open Cluster Management): they may be anywhere.

    What such a manifest says of its namespace is known, and so are its labels; that it is applied is not.
    """
    if is_fact(manifest.value) or is_inert(manifest.value):
        return
    for owner, template in _templates(manifest.value):
        if owner is not None:
            namespace = mapping(owner.get("metadata")).get("namespace")
            pods = pod_workload(Manifest(manifest.source, owner), template, "", None)
            name = f" {pods.name}" if pods.name else ""
            yield Hidden(
                f"{owner.get('kind')}{name} in {manifest.kind} {manifest.name}, {manifest.source}",
                namespaces=frozenset({namespace}) if is_namespace(namespace) else None,
                clusters=clusters,
                labels=frozenset(pods.labels.items()),
            )


def pod_templates(value: Any) -> Iterator[Mapping[str, Any]]:
    """Every pod template in a value, the outermost ones where they are nested."""
    return (template for _, template in _templates(value))


def _templates(value: Any) -> Iterator[tuple[Mapping[str, Any] | None, Mapping[str, Any]]]:
    """As `_owned`. A virtual machine that runs is itself the template of its pod; that of others may lack a domain."""
    group, kind = (group_of(value), value.get("kind")) if isinstance(value, dict) else ("", "")
    if (group, kind) == ("kubevirt.io", "VirtualMachineInstance"):
        return iter([(None, value)])
    if (group, kind) == ("kubevirt.io", "VirtualMachine"):
        template = mapping(mapping(value.get("spec")).get("template"))
        return iter([(None, template)] if template else [])
    return _owned(value, None, 0)


def _owned(
    value: Any, owner: Mapping[str, Any] | None, depth: int
) -> Iterator[tuple[Mapping[str, Any] | None, Mapping[str, Any]]]:
    """Every pod template with the manifest inside of the value that holds it; None where it is the value's own."""
    if depth > _DEEPEST:
        return
    if isinstance(value, dict):
        if depth and _is_template(value):
            yield (value if _is_manifest(value) else owner), value
            return
        if depth and _is_manifest(value):
            owner = value
        for part in value.values():
            yield from _owned(part, owner, depth + 1)
    elif isinstance(value, list):
        for part in value:
            yield from _owned(part, owner, depth + 1)


def _is_manifest(value: Mapping[str, Any]) -> bool:
    return all(isinstance(value.get(name), str) for name in ("apiVersion", "kind")) and "metadata" in value


def _is_template(value: Mapping[str, Any]) -> bool:
    spec = mapping(value.get("spec"))
    labels = mapping(value.get("metadata")).get("labels")
    if isinstance(spec.get("domain"), dict):
        return True
    containers = items(spec.get("containers"))
    return bool(containers) and (
        labels is not None or all("image" in container or "name" in container for container in containers)
    )


def uncertain_labels(value: Mapping[str, Any], workload: Workload) -> Iterator[tuple[frozenset[str], str]]:
    """Keys of labels that pods of a workload carry with values that are not known, and why in one line each.

    Values that are no labels, which something replaces before the API server sees them (`${VAR}`, encrypted values,
    placeholders), and labels that a controller adds with values that the object does not have.
    """
    open_ = [
        (key, text) for labels in _written_labels(value, workload) for key, text in labels if not _is_label(key, text)
    ]
    if open_:
        keys = frozenset("*" if any(name_problems(key)) else key for key, _ in open_)
        key, text = open_[0]
        shown = f"{key}={text}" if isinstance(text, str) else key
        yield keys, f"{workload}, whose label {shown} is not known, {workload.source}"
    if not is_fact(value):
        yield from _given_labels(value, workload)
    added = _OF_KUBERNETES.get(workload.kind, ()) if is_fact(value) else _ADDED.get(group_of(value), ())
    if added:
        yield frozenset(added), f"{workload}, whose controller adds labels to its pods, {workload.source}"


def _given_labels(value: Mapping[str, Any], workload: Workload) -> Iterator[tuple[frozenset[str], str]]:
    """Labels that a controller gives to pods from other fields than their template, or that no field shows."""
    if value.get("kind") == "VirtualMachine" and items(mapping(value.get("spec")).get("dataVolumeTemplates")):
        yield frozenset("*"), f"{workload}, whose disks pods of other labels import, {workload.source}"
    keys = frozenset(_beside_templates(value.get("spec"), 0))
    if keys:
        yield (
            keys,
            f"{workload}, whose controller may give its pods labels beside those of the template, {workload.source}",
        )
    if not workload.labels and group_of(value) not in _ADDED:
        yield frozenset("*"), f"{workload}, whose template has no labels, {workload.source}"


def _beside_templates(value: Any, depth: int) -> Iterator[str]:
    """The keys of labels in a value that stand in no pod template and in no selector."""
    if depth > _DEEPEST:
        return
    if isinstance(value, dict) and not _is_template(value):
        for name, part in value.items():
            if isinstance(part, dict) and (name == "labels" or str(name).endswith(("Labels", "labels"))):
                yield from (str(key) for key in part if name != "matchLabels")
            elif not str(name).lower().endswith("selector"):
                yield from _beside_templates(part, depth + 1)
    elif isinstance(value, list):
        for part in value:
            yield from _beside_templates(part, depth + 1)


def _is_label(key: Any, text: Any) -> bool:
    return isinstance(key, str) and isinstance(text, str) and is_label_value(text) and not any(name_problems(key))


def _written_labels(value: Mapping[str, Any], workload: Workload) -> Iterator[list[tuple[Any, Any]]]:
    """The labels of the pod templates as they are written, whatever their types."""
    own = [pod_of(Manifest(workload.source, value))] if is_fact(value) else pod_templates(value)
    for template in own:
        labels = mapping(template.get("metadata")).get("labels")
        yield list(labels.items()) if isinstance(labels, dict) else [("*", labels)] if labels is not None else []
