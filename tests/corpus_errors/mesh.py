"""The repositories of the corpus as a team with a mesh of two clusters has them: a config and a snapshot for each."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rewriter.cilium.labels import NAMESPACE_LABEL, SERVICE_ACCOUNT_LABEL
from rewriter.cilium.policy import CCNP, Policy
from rewriter.cilium.selector import Selector
from rewriter.engine.run.opening import open_workspace
from rewriter.engine.run.workspace import Request
from rewriter.inventory.snapshots.form import LISTS

#: Pod, node and Service range of each repository's cluster, as its Talos and Cilium files have them.
_RANGES = {
    "Samoth69+Fern": ("10.69.0.0/16", "192.168.0.0/24", "10.96.0.0/12"),
    "kelchm+home-lab": ("10.42.0.0/16", "10.32.30.0/24", "10.43.0.0/16"),
    "theepicsaxguy+homelab": ("10.244.0.0/16", "10.25.150.0/24", "10.96.0.0/12"),
}
#: Talos' and kubeadm's own ranges, for the others.
_DEFAULT_RANGES = ("10.244.0.0/16", "192.168.253.0/24", "10.96.0.0/12")

_CONFIG = """
[[clusters]]
name = "cluster-a"
local = ["**"]
pod_cidrs = ["{}"]
node_cidrs = ["{}"]
service_cidrs = ["{}"]
[[clusters]]
name = "cluster-b"
pod_cidrs = ["10.45.0.0/16"]
node_cidrs = ["10.26.0.0/24"]
service_cidrs = ["10.46.0.0/16"]
[passes.cluster-entity]
remote = "all"
"""
SNAPSHOT = "mesh.json"


def with_mesh(repository: Path, folder: Path) -> None:
    """Copies a repository to a folder, and puts a cnpfix.toml and a snapshot of both clusters at its top.

    The snapshot holds, in each cluster, the pods that the policies of the repository are for: one for each
    endpointSelector (podSelector) that names its labels, with just these labels, in the policy's namespace.
    """
    shutil.copytree(repository, folder, symlinks=True, copy_function=shutil.copyfile)
    folder.chmod(0o755)
    (folder / "cnpfix.toml").write_text(_CONFIG.format(*_RANGES.get(repository.name, _DEFAULT_RANGES)))
    workspace = open_workspace(Request(names=(str(folder),)), lambda _: None)
    pods = {json.dumps(pod, sort_keys=True): pod for each in workspace.policies() for pod in _pods(each.policy)}
    workloads = [pods[key] for key in sorted(pods)]
    unread = {name: "of the cluster only the pods are known" for name in LISTS if name != "workloads"}
    snapshot = {
        "cnpfix_inventory": 1,
        "created": datetime.now(UTC).isoformat(),
        "clusters": [
            {"name": name, "workloads": workloads, "incomplete": unread} for name in ("cluster-a", "cluster-b")
        ],
    }
    (folder / SNAPSHOT).write_text(json.dumps(snapshot))


def _pods(policy: Policy) -> Iterator[dict[str, Any]]:
    if policy.kind == CCNP or policy.namespace is None or "$" in policy.namespace:
        return
    for spec in policy.specs:
        labels = _labels(spec.subject) if spec.subject else None
        if labels is not None:
            account = labels.pop(SERVICE_ACCOUNT_LABEL, "default")
            name = "-".join(labels.values()) or "pod"
            yield {
                "kind": "Pod",
                "name": name,
                "namespace": policy.namespace,
                "labels": labels,
                "service_account": account,
            }


def _labels(subject: Selector) -> dict[str, str] | None:
    """The labels that a selector names; None where it names none for certain, or leaves some to a variable."""
    requirements = [each for each in subject.requirements if each.key != NAMESPACE_LABEL]
    if any(each.operator != "In" or len(each.values) != 1 or "$" in each.values[0] for each in requirements):
        return None
    return {each.key: each.values[0] for each in requirements}
