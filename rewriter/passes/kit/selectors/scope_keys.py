"""Keys of selectors that say which pods or which namespace is meant: misspelt ones, and the right one put in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher

from rewriter.cilium.labels import ANY, CLUSTER_LABEL, K8S, NAMESPACE_LABEL, NAMESPACE_NAME_LABEL
from rewriter.cilium.selector import Requirement, Selector, escape_pointer
from rewriter.finding import Operation

#: What people write for the key of the namespace, in small letters and without anything else.
_MISSPELT = frozenset(
    re.sub("[^a-z0-9]", "", key)
    for key in (NAMESPACE_LABEL, f"{K8S}{NAMESPACE_LABEL}", "io.kubernetes.namespace", "k8sio.kubernetes.namespace")
)
#: Keys that other tools and other objects use for it; no pod has them unless its manifest does.
_FOREIGN = frozenset({"namespace", NAMESPACE_NAME_LABEL})
#: From which likeness on (difflib's ratio) a key is a slip of the pen.
_NEAR = 0.92


def misspelt(selector: Selector) -> tuple[Requirement, ...]:
    """The requirements whose key was meant to say which namespace, and does not (Cilium pkg/k8s PodNamespaceLabel)."""
    return tuple(r for r in selector.requirements if r.source in (ANY, K8S) and _is_misspelt(r))


def _is_misspelt(requirement: Requirement) -> bool:
    key = requirement.key
    if key == NAMESPACE_LABEL:
        return False
    if key in _FOREIGN or re.sub("[^a-z0-9]", "", key.lower()) in _MISSPELT:
        return True
    # No identity has a label under `io.kubernetes` but this one.
    return key.startswith("io.k") and SequenceMatcher(None, key, NAMESPACE_LABEL).ratio() >= _NEAR


def names_pods(requirement: Requirement) -> bool:
    """Whether a condition says which pods are meant: "any namespace" and "not these" name none of them."""
    if requirement.key in (NAMESPACE_LABEL, CLUSTER_LABEL):
        return requirement.key == NAMESPACE_LABEL and requirement.operator == "In"
    return requirement.operator in ("In", "Exists")


def renamed(requirement: Requirement, key: str) -> Iterator[Operation]:
    """Operations that give a requirement another key, in its place."""
    if "/matchExpressions/" in requirement.route:
        yield {"op": "replace", "path": f"{requirement.route}/key", "value": key}
        return
    parent = requirement.route.rpartition("/")[0]
    yield {"op": "remove", "path": requirement.route}
    yield {"op": "add", "path": f"{parent}/{escape_pointer(key)}", "value": requirement.values[0]}


def with_label(entry: Mapping[str, object] | None, route: str, key: str, value: str) -> Operation:
    """The operation that adds a label to the selector at a route."""
    labels = entry.get("matchLabels") if entry else None
    if isinstance(labels, dict):
        return {"op": "add", "path": f"{route}/matchLabels/{escape_pointer(key)}", "value": value}
    if entry is None:
        return {"op": "replace", "path": route, "value": {"matchLabels": {key: value}}}
    return {"op": _set(entry, "matchLabels"), "path": f"{route}/matchLabels", "value": {key: value}}


def _set(mapping: Mapping[str, object], name: str) -> str:
    return "replace" if name in mapping else "add"
