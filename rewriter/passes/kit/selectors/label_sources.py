"""Labels that no identity has: in which releases, and what the key was meant to be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rewriter.cilium.policy import Spec
from rewriter.cilium.selector import Requirement, Selector
from rewriter.evidence.context import Context
from rewriter.evidence.identity_labels import filtered
from rewriter.evidence.workloads import workloads_evidence
from rewriter.finding import Operation
from rewriter.passes.kit.changes.forms import Form
from rewriter.passes.kit.selectors.scope_keys import renamed


def filter_words(context: Context, selector: Selector, left_out: Sequence[Requirement]) -> str:
    """Since when labels are left out, in words that follow a statement: empty, or ` from 1.20 on`."""
    today = {each.key for each in filtered(context, selector, context.from_version)}
    new = any(each.key not in today for each in left_out)
    return f" from {context.to_version} on" if new and not today else ""


@dataclass(frozen=True, slots=True)
class RightKey:
    """The key that was meant, the operations that write it, and the known pods that have the label, in words."""

    key: str
    operations: tuple[Operation, ...]
    evidence: tuple[str, ...]


def dotted(context: Context, requirement: Requirement) -> RightKey | None:
    """The right key where a colon stands for a dot; None where no known workload has a label of that key and value."""
    key = f"{requirement.source}.{requirement.key}"
    values = requirement.values
    there = [
        workload
        for workload in context.inventory.workloads_with({key: values[0]} if len(values) == 1 else {})
        if key in workload.labels and (not values or workload.labels[key] in values)
    ]
    if not there:
        return None
    return RightKey(key, tuple(renamed(requirement, key)), workloads_evidence(there))


def subject_with_key(spec: Spec, requirement: Requirement, key: str) -> Form:
    """A rule set whose endpointSelector has another key in the place of a requirement's."""
    return {**spec.raw, "endpointSelector": with_key(spec.raw["endpointSelector"], requirement, key)}


def with_key(selector: Form, requirement: Requirement, key: str) -> Form:
    """A selector as written, with another key in the place of a requirement's."""
    new = dict(selector)
    if "/matchExpressions/" in requirement.route:
        number = int(requirement.route.rpartition("/")[2])
        new["matchExpressions"] = [*selector["matchExpressions"]]
        new["matchExpressions"][number] = {**new["matchExpressions"][number], "key": key}
    else:
        labels = selector["matchLabels"]
        new["matchLabels"] = {key if label == requirement.written_key else label: labels[label] for label in labels}
    return new
