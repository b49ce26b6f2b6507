"""Which known workloads a selection means, how far the knowledge goes, and the workloads in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from rewriter.cilium.labels import (
    ANY,
    CLUSTER_LABEL,
    K8S,
    NAMESPACE_LABEL,
    NAMESPACE_LABELS_PREFIX,
    NAMESPACE_NAME_LABEL,
    SERVICE_ACCOUNT_LABEL,
    LabelSet,
    pod_labels,
)
from rewriter.cilium.peers import with_namespace
from rewriter.cilium.policy import Policy, Spec
from rewriter.cilium.terms import Condition, LabelTerm, conditions_of, label_term
from rewriter.inventory.facts import Workload
from rewriter.inventory.inventory import Inventory

_MOST_SHOWN = 6
_ADDED_BY_CILIUM = frozenset({NAMESPACE_LABEL, CLUSTER_LABEL, SERVICE_ACCOUNT_LABEL})


def workloads_of(inventory: Inventory, term: LabelTerm) -> tuple[Workload, ...] | None:
    """The workloads, of any cluster, whose pods a term selects; None where a fact that decides it is unknown.

    Pods on the host network have the node's identity and are left out.
    """
    labels = _fixed_labels(term)
    candidates = inventory.workloads_with(labels) if labels else inventory.all_workloads()
    namespaces = _namespaces(term)
    found: list[Workload] = []
    for workload in candidates:
        # Comparing names first keeps a selection of a namespace cheap where there are thousands of workloads.
        if workload.host_network or (namespaces is not None and workload.namespace not in namespaces):
            continue
        selected = _selects(inventory, term, workload)
        if selected is None:
            return None
        if selected:
            found.append(workload)
    return tuple(found)


def subject_term(policy: Policy, spec: Spec) -> LabelTerm | None:
    """The pods that a rule set applies to; None where it applies to nodes or its selector is malformed."""
    if spec.subject is None:
        return None
    conditions = conditions_of(spec.subject.requirements)
    if policy.namespace is None:
        return label_term(conditions)
    kept = [condition for condition in conditions if condition.key != NAMESPACE_LABEL]
    return label_term(with_namespace(kept, policy.namespace))


def clusters_all_known(inventory: Inventory, clusters: Sequence[str]) -> bool:
    """Whether workloads of every one of the clusters are known."""
    missing = set(clusters)
    if any(cluster.name in missing and "workloads" in cluster.incomplete for cluster in inventory.clusters):
        return False
    if inventory.gaps("workloads"):
        return False
    for workload in inventory.all_workloads():
        missing.discard(workload.cluster or "")
        if not missing:
            return True
    return not missing


def unseen(inventory: Inventory, clusters: Sequence[str], namespace: str | None, term: LabelTerm) -> tuple[str, ...]:
    """What may make pods of a namespace (None: of any) that a term selects and no known workload stands for, in words.

    Where snapshots tell the pods of all the clusters only what they leave out: fresh and whole, they list every one.
    """
    told = {workload.cluster for workload in inventory.workloads_with({}) if workload.source.line is None}
    gaps = tuple(inventory.gaps("workloads"))
    if clusters and told.issuperset(clusters):
        return gaps
    return (*gaps, *inventory.unseen_workloads(namespace, _fixed_labels(term)))


def workloads_evidence(workloads: Iterable[Workload]) -> tuple[str, ...]:
    """One line a workload with its source; of many, how many are left out."""
    lines = [_line(workload) for workload in workloads]
    if len(lines) <= _MOST_SHOWN:
        return tuple(lines)
    return (*lines[:_MOST_SHOWN], f"and {len(lines) - _MOST_SHOWN} more workloads")


def _line(workload: Workload) -> str:
    where = f" in {workload.cluster}" if workload.cluster else ""
    return f"{workload}{where}, {workload.source}"


def _fixed_labels(term: LabelTerm) -> Mapping[str, str]:
    """The pods' own labels that a term demands with one value each."""
    return {
        condition.key: condition.values[0]
        for condition in term.conditions
        if condition.source in (ANY, K8S)
        and condition.operator == "In"
        and len(condition.values) == 1
        and condition.key not in _ADDED_BY_CILIUM
        and not condition.key.startswith(NAMESPACE_LABELS_PREFIX)
    }


def _namespaces(term: LabelTerm) -> frozenset[str] | None:
    """The namespaces that a term names; None where any will do."""
    named = [c.values for c in term.conditions if c.key == NAMESPACE_LABEL and c.operator == "In"]
    return frozenset(named[0]).intersection(*named[1:]) if named else None


def _selects(inventory: Inventory, term: LabelTerm, workload: Workload) -> bool | None:
    labels = LabelSet(
        pod_labels(
            cluster=workload.cluster or "",
            namespace=workload.namespace,
            labels=workload.labels,
            service_account=workload.service_account,
        )
    )
    undecided: list[Condition] = []
    for condition in term.conditions:
        if _asks_namespace_labels(condition) or (condition.key == CLUSTER_LABEL and workload.cluster is None):
            undecided.append(condition)
        elif not _holds(condition, labels):
            return False
    if not undecided:
        return True
    if any(condition.key == CLUSTER_LABEL for condition in undecided):
        return None
    answers = [_holds_in(undecided, labels) for labels in _namespace_labels(inventory, workload)]
    return answers[0] if answers and len(set(answers)) == 1 else None


def _asks_namespace_labels(condition: Condition) -> bool:
    prefix, _, label = condition.key.partition(NAMESPACE_LABELS_PREFIX)
    return not prefix and bool(label) and label != NAMESPACE_NAME_LABEL


def _namespace_labels(inventory: Inventory, workload: Workload) -> Iterator[LabelSet]:
    for namespace in inventory.namespaces(workload.namespace):
        if namespace.cluster is None or namespace.cluster == workload.cluster:
            yield LabelSet(
                pod_labels(
                    cluster=workload.cluster or "",
                    namespace=workload.namespace,
                    labels=workload.labels,
                    namespace_labels=namespace.labels,
                )
            )


def _holds_in(conditions: Sequence[Condition], labels: LabelSet) -> bool:
    return all(_holds(condition, labels) for condition in conditions)


def _holds(condition: Condition, labels: LabelSet) -> bool:
    found = labels.values(condition.source, condition.key)
    match condition.operator:
        case "In":
            return any(value in condition.values for value in found)
        case "NotIn":
            return not any(value in condition.values for value in found)
        case "Exists":
            return bool(found)
        case _:
            return not found
