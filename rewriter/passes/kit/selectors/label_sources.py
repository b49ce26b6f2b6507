"""Labels that no identity has: in which releases, and what the key was meant to be."""

from __future__ import annotations

from collections.abc import Sequence

from rewriter.cilium.identity_labels import label_filter
from rewriter.cilium.labels import K8S
from rewriter.cilium.policy import Spec
from rewriter.cilium.selector import Requirement, Selector
from rewriter.evidence.context import Context
from rewriter.evidence.identity_labels import filtered
from rewriter.evidence.workloads import workloads_evidence
from rewriter.finding import Operation
from rewriter.passes.kit.changes.forms import Form, list_of, members_of
from rewriter.passes.kit.selectors.scope_keys import renamed
from rewriter.records import dataclass


def filter_words(context: Context, selector: Selector, left_out: Sequence[Requirement]) -> str:
    """Since when labels are left out, in words that follow a statement: empty, or ` from 1.20 on`."""
    today = {requirement.key for requirement in filtered(context, selector, context.from_version)}
    new = any(requirement.key not in today for requirement in left_out)
    return f" from {context.to_version} on" if new and not today else ""


@dataclass(frozen=True, slots=True)
class RightKey:
    """The key that was meant, the operations that write it, and the known pods that have the label, in words."""

    key: str
    operations: tuple[Operation, ...]
    evidence: tuple[str, ...]


def right_key(context: Context, requirement: Requirement, namespace: str | None = None) -> RightKey | None:
    """The right key in the place of one of a source that no label has: with a dot for the colon, else of source k8s.

    None where no known workload of the namespace (None: of any) has a label of that key and value.
    """
    values = requirement.values
    for label, written in (
        (f"{requirement.source}.{requirement.key}", f"{requirement.source}.{requirement.key}"),
        (requirement.key, f"{K8S}:{requirement.key}"),
    ):
        there = [
            workload
            for workload in context.inventory.workloads_with({label: values[0]} if len(values) == 1 else {})
            if label in workload.labels
            and (not values or workload.labels[label] in values)
            and namespace in (None, workload.namespace)
        ]
        if there:
            return RightKey(written, tuple(renamed(requirement, written)), workloads_evidence(there))
    return None


def filter_evidence(context: Context, left_out: Sequence[Requirement]) -> tuple[str, ...]:
    """What shows that labels are no part of identities: the setting that leaves them out, else the release's filter.

    Then the known pods that have them all the same.
    """
    cluster = context.cluster
    usual = label_filter(context.to_version)
    lines = []
    if (
        cluster is not None
        and cluster.identity_labels
        and any(usual.keeps(requirement.key) for requirement in left_out)
    ):
        lines.append(f"labels: {' '.join(cluster.identity_labels)}, {cluster.source_of('identity_labels')}")
    for requirement in left_out:
        labels = {requirement.key: requirement.values[0]} if len(requirement.values) == 1 else {}
        there = [
            workload for workload in context.inventory.workloads_with(labels) if requirement.key in workload.labels
        ]
        lines += [f"{workload} has {requirement.key}, {workload.source}" for workload in there[:3]]
    return tuple(dict.fromkeys(lines))


def subject_with_key(spec: Spec, requirement: Requirement, key: str) -> Form:
    """A rule set whose endpointSelector has another key in the place of a requirement's."""
    return {**spec.raw, "endpointSelector": with_key(members_of(spec.raw["endpointSelector"]), requirement, key)}


def with_key(selector: Form, requirement: Requirement, key: str) -> Form:
    """A selector as written, with another key in the place of a requirement's."""
    new = dict(selector)
    if "/matchExpressions/" in requirement.route:
        number = int(requirement.route.rpartition("/")[2])
        expressions = list(list_of(selector["matchExpressions"]))
        expressions[number] = {**members_of(expressions[number]), "key": key}
        new["matchExpressions"] = expressions
    else:
        labels = members_of(selector["matchLabels"])
        new["matchLabels"] = {key if label == requirement.written_key else label: labels[label] for label in labels}
    return new
