"""The words for pods: by labels, namespace and cluster."""

from __future__ import annotations

from collections.abc import Sequence

from rewriter.cilium.labels import CLUSTER_LABEL, NAMESPACE_LABEL, NAMESPACE_LABELS_PREFIX, SERVICE_ACCOUNT_LABEL
from rewriter.cilium.terms import Condition, LabelTerm
from rewriter.reach.cells import OTHER
from rewriter.text import join_names


def pods_phrase(labels: Sequence[str], namespace: str = "", cluster: str = "") -> str:
    """`any pod of namespace shop`, `pods with app=db in other clusters`."""
    head = f"pods with {', '.join(labels)}" if labels else "any pod"
    return " ".join(part for part in (head, namespace, cluster) if part)


def term_phrase(term: LabelTerm, cluster: str = "") -> str:
    """A selection of pods in words; `cluster` where it is narrower than the selection says."""
    labels: list[str] = []
    namespace = ""
    for condition in term.conditions:
        if condition.key == NAMESPACE_LABEL:
            namespace = _place("of namespace", condition) or namespace
        elif condition.key == CLUSTER_LABEL:
            cluster = cluster or _place("in", condition)
        else:
            labels.append(str(condition._replace(key=shown_key(condition.key))))
    return pods_phrase(labels, namespace, cluster)


def labels_phrase(labels: Sequence[tuple[str, str]], local_cluster: str) -> str:
    """A pod by its own labels, where OTHER stands for a value that no policy mentions."""
    shown: list[str] = []
    namespace = cluster = ""
    for key, value in sorted(labels):
        if key == NAMESPACE_LABEL:
            namespace = "of another namespace" if value == OTHER else f"of namespace {value}"
        elif key == CLUSTER_LABEL:
            cluster = "in another cluster" if value == OTHER else "" if value == local_cluster else f"in {value}"
        elif not key.startswith(NAMESPACE_LABELS_PREFIX):
            shown.append(f"{shown_key(key)} set" if value == OTHER else f"{shown_key(key)}={value}")
    if shown:
        return pods_phrase(shown, namespace, cluster)
    return " ".join(part for part in ("other pods", namespace, cluster) if part)


def shown_key(key: str) -> str:
    if key == SERVICE_ACCOUNT_LABEL:
        return "service account"
    if key.startswith(NAMESPACE_LABELS_PREFIX):
        return f"namespace label {key.removeprefix(NAMESPACE_LABELS_PREFIX)}"
    return key


def _place(preposition: str, condition: Condition) -> str:
    """A namespace or cluster that a condition asks for; nothing where any will do."""
    plural = "s" if len(condition.values) > 1 and preposition != "in" else ""
    match condition.operator:
        case "In":
            return f"{preposition}{plural} {join_names(condition.values, most=None)}"
        case "NotIn":
            kind = "in clusters" if preposition == "in" else f"{preposition}s"
            return f"{kind} other than {join_names(condition.values, most=None)}"
        case _:
            return ""
