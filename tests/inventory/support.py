"""An inventory made from texts, without files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from rewriter.inventory.facts.model import Cluster
from rewriter.inventory.tree.repository import TreeInventory

POLICY = "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: p}\nspec: {}\n"


def inventory(
    files: Mapping[str, str],
    *,
    clusters: Sequence[Cluster] = (),
    remotes: Sequence[str] = (),
    local: Mapping[str, str] | None = None,
    everywhere: bool = False,
) -> TreeInventory:
    """The inventory of files by name; `local` gives the cluster of files by the start of their names.

    With `everywhere`, each file is local to every cluster.
    """
    globs = local or {}
    made = TreeInventory(
        clusters,
        local_to=lambda cluster, path: (
            everywhere or any(path.startswith(s) and name == cluster.name for s, name in globs.items())
        ),
        read=lambda path: files[path].encode(),
        remotes=lambda: remotes,
    )
    for path, text in files.items():
        offer = made.offer_beside if path.endswith((".tf", ".tfvars", ".hcl", ".sh")) else made.offer
        offer(path, text.encode())
    return made


def namespace(made: TreeInventory, path: str, files: Mapping[str, str]) -> str | None:
    return made.namespace_of(path, manifest(files[path])).namespace


def manifest(text: str) -> Any:
    return next(iter(yaml.safe_load_all(text)))


def namespace_at(files: Mapping[str, str], path: str, **more: Any) -> str | None:
    """Where the first manifest of a file lands."""
    return namespace(inventory(files, **more), path, files)


def reason_at(files: Mapping[str, str], path: str, **more: Any) -> str:
    """Who says where the first manifest of a file lands, or why nobody does."""
    return inventory(files, **more).namespace_of(path, manifest(files[path])).source


def kustomization(**fields: Any) -> str:
    return yaml.safe_dump({"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", **fields})


def flux(name: str, path: str, **spec: Any) -> str:
    source = {"kind": "GitRepository", "name": "flux-system", "namespace": "flux-system"}
    return yaml.safe_dump(
        {
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
            "kind": "Kustomization",
            "metadata": {"name": name, "namespace": "flux-system"},
            "spec": {"path": path, "sourceRef": source, **spec},
        }
    )


def git_repository(url: str, name: str = "flux-system") -> str:
    return yaml.safe_dump(
        {
            "apiVersion": "source.toolkit.fluxcd.io/v1",
            "kind": "GitRepository",
            "metadata": {"name": name, "namespace": "flux-system"},
            "spec": {"url": url},
        }
    )


def application(
    name: str, path: str, namespace: str = "", url: str = "https://git.example/shop/deploy", **more: Any
) -> str:
    """An Argo CD Application of one folder; `more` goes into its source, `destination` into its destination."""
    destination = {"server": "https://kubernetes.default.svc", **({"namespace": namespace} if namespace else {})}
    destination = more.pop("destination", destination)
    return yaml.safe_dump(
        {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Application",
            "metadata": {"name": name, "namespace": "argocd"},
            "spec": {"source": {"repoURL": url, "path": path, **more}, "destination": destination},
        }
    )


def application_set(generators: Sequence[Any], path: str, destination: Mapping[str, Any]) -> str:
    return yaml.safe_dump(
        {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "ApplicationSet",
            "metadata": {"name": "set", "namespace": "argocd"},
            "spec": {
                "generators": list(generators),
                "template": {
                    "metadata": {"name": "x"},
                    "spec": {
                        "source": {"repoURL": "https://git.example/shop/deploy", "path": path},
                        "destination": dict(destination),
                    },
                },
            },
        }
    )


def workload(name: str, labels: Mapping[str, str], namespace: str = "", kind: str = "Deployment") -> str:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    template = {"metadata": {"labels": dict(labels)}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    return yaml.safe_dump({"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": {"template": template}})


def service(name: str, selector: Mapping[str, str], port: int = 80, namespace: str = "") -> str:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    spec = {"selector": dict(selector), "ports": [{"port": port}]}
    return yaml.safe_dump({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})
