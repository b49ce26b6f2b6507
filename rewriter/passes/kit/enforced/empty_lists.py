"""Lists of rules without items beside rules of the other direction: default deny was meant, and nothing is denied."""

from __future__ import annotations

from collections.abc import Iterator

from rewriter.cilium.policy import EGRESS, INGRESS, KNP, Spec
from rewriter.evidence.context import Context
from rewriter.evidence.reachable import Reach, reach_of, workloads_of_spec
from rewriter.evidence.workloads import workloads_evidence
from rewriter.finding import Applicability, Finding, Severity
from rewriter.passes.kit.changes.change import Change
from rewriter.passes.kit.changes.claims import all_other
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.changes.rule_directions import denied_by_name, opened_by_name, says_deny
from rewriter.text import subject_text


def empty_lists(context: Context, spec: Spec) -> Iterator[Finding]:
    """The findings of directions with an empty list, where pods of the rule set are open in that direction."""
    if context.policy.kind == KNP or not (context.namespace_known or context.policy.clusterwide):
        return
    stated = {*denied_by_name(spec), *opened_by_name(spec)}
    for direction in (INGRESS, EGRESS):
        if spec.raw.get(direction) != [] or direction in stated or not workloads_of_spec(context, spec):
            continue
        if any(rule.direction == direction for rule in spec.rules):
            continue
        reaches = reach_of(context, spec)
        opened = [reach.workload for reach in reaches if reach.workload and _is_open(reach, direction)]
        if not opened:
            continue
        meant = says_deny(context, spec)
        subject = subject_text(context.policy, spec)
        yield report(
            context,
            f"{spec.route}/{direction}",
            Applicability.UNSAFE,
            f"`{direction}: []` denies nothing: {direction} of {subject} is open",
            "a list without items is not a rule, and default deny comes with a rule of the direction, such as `{}`",
            severity=Severity.WARNING if meant else Severity.NOTE,
            change=Change(
                ({"op": "replace", "path": f"{spec.route}/{direction}", "value": [{}]},),
                closes=(all_other(f"all {direction} of {subject}", spec, direction),),
            ),
            evidence=(*meant, *workloads_evidence(opened)),
            at_key=True,
        )


def _is_open(reach: Reach, direction: str) -> bool:
    """Whether no policy puts the pods into default deny, and none that may select them does."""
    possible = any(rule.entry.direction == direction for rule in reach.possible)
    return not (reach.denied_by_default(direction) or possible or reach.unread)
