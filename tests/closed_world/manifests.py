"""Manifests for the trees of these tests, in short."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cnpfix import Finding, check


class Link(str):
    """In place of a file's text: a symlink to this target."""


Files = Mapping[str, str | bytes | Link]


def deployment(name: str, namespace: str | None, labels: Mapping[str, str] | None = None, port: int = 0) -> str:
    """A Deployment whose pods have the label `app=NAME`, or these labels."""
    shown = json.dumps(labels or {"app": name})
    ports = f", ports: [{{containerPort: {port}}}]" if port else ""
    place = f", namespace: '{namespace}'" if namespace else ""
    return f"""apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}{place}}}
spec:
  selector: {{matchLabels: {shown}}}
  template:
    metadata: {{labels: {shown}}}
    spec: {{containers: [{{name: main, image: "registry.example.com/{name}:1"{ports}}}]}}
"""


def resource(api: str, kind: str, spec: Any = None, *, name: str = "x", namespace: str | None = "shop") -> str:
    """An object of any kind, as JSON."""
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return json.dumps({"apiVersion": api, "kind": kind, "metadata": metadata, "spec": spec or {}}, indent=1) + "\n"


def kyverno(rule: Mapping[str, Any], kinds: Sequence[str] = ("Pod",), namespaces: Sequence[str] = ()) -> str:
    """A ClusterPolicy of Kyverno with one rule."""
    resources: dict[str, Any] = {"kinds": list(kinds)} | ({"namespaces": list(namespaces)} if namespaces else {})
    rules = [{"name": "rule", "match": {"any": [{"resources": resources}]}, **rule}]
    return resource("kyverno.io/v1", "ClusterPolicy", {"rules": rules}, name="change", namespace=None)


def webhook(group: str, resources: str, *, name: str = "labeller", namespace: str = "", kind: str = "Mutating") -> str:
    """An admission webhook for a resource, in one namespace or (empty) in every one."""
    rule = {"apiGroups": [group], "apiVersions": ["*"], "operations": ["CREATE"], "resources": [resources]}
    hook: dict[str, Any] = {"name": f"{name}.example.com", "clientConfig": {"url": "https://x"}, "rules": [rule]}
    if namespace:
        hook["namespaceSelector"] = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
    value = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": f"{kind}WebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": [hook],
    }
    return json.dumps(value) + "\n"


def found(folder: Path, files: Files, pass_id: str, **options: Any) -> list[Finding]:
    """The findings of a pass on a tree. The working folder is the tree's."""
    write(folder, files)
    return [finding for finding in check(".", **options).findings if finding.id == pass_id]


def write(folder: Path, files: Files) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Link):
            path.symlink_to(content)
        elif isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content)
