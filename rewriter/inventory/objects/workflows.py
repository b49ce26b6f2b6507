"""The pods of Argo Workflows: labels of the workflow, and of the template that each pod runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rewriter.inventory.facts.model import Workload
from rewriter.inventory.texts.manifests import Manifest, items, mapping, texts

#: Members of a template that make a pod of it (Argo Workflows, "Template Types").
_PODS = frozenset({"container", "script", "containerSet", "data", "resource"})


def pods(manifest: Manifest, namespace: str, cluster: str | None) -> Iterator[Workload]:
    """One for each set of labels that pods of a workflow have; of labels with a parameter nothing is known."""
    spec = _spec(manifest.value)
    common = texts(mapping(spec.get("podMetadata")).get("labels"))
    seen: list[tuple[Mapping[str, str], str]] = []
    for template in [template for template in items(spec.get("templates")) if template.keys() & _PODS] or [{}]:
        labels = common | texts(mapping(template.get("metadata")).get("labels"))
        known = {key: text for key, text in labels.items() if "{{" not in text}
        written = template.get("serviceAccountName") or spec.get("serviceAccountName")
        account = written if isinstance(written, str) and "{{" not in written else "default"
        if (known, account) in seen:
            continue
        # Pods are named after the workflow and the template.
        name = f"{manifest.name}-{template.get('name')}" if seen else manifest.name
        seen.append((known, account))
        host = spec.get("hostNetwork") is True
        yield Workload(manifest.kind, name, namespace, cluster, known, manifest.source, account, host_network=host)


def _spec(value: Mapping[str, Any]) -> Mapping[str, Any]:
    spec = mapping(value.get("spec"))
    return mapping(spec.get("workflowSpec")) if value.get("kind") == "CronWorkflow" else spec
