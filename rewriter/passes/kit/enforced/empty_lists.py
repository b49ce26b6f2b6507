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

_NO_RULE = "a list without items is not a rule, and default deny comes with a rule of the direction, such as `{}`"
#: Reported by Flux's dry run: "spec.egress in body must be of type array".
_NULL = "server-side apply, as Flux does it, refuses a policy with a key that has no value"


def empty_lists(context: Context, spec: Spec) -> Iterator[Finding]:
    """The findings of directions with an empty list, where pods of the rule set are open in that direction."""
    if context.policy.kind == KNP or not (context.namespace_known or context.policy.clusterwide):
        return
    stated = {*denied_by_name(spec), *opened_by_name(spec)}
    for direction in (INGRESS, EGRESS):
        written = spec.raw.get(direction, ...)
        if written not in ([], None) or direction in stated or not workloads_of_spec(context, spec):
            continue
        if any(rule.direction == direction for rule in spec.rules):
            continue
        reaches = reach_of(context, spec)
        opened = [reach.workload for reach in reaches if reach.workload and _is_open(reach, direction)]
        if not opened:
            continue
        meant = says_deny(context, spec)
        subject = subject_text(context.policy, spec)
        change = Change(
            ({"op": "replace", "path": f"{spec.route}/{direction}", "value": [{}]},),
            closes=(all_other(f"all {direction} of {subject}", spec, direction),),
        )
        yield report(
            context,
            f"{spec.route}/{direction}",
            Applicability.MANUAL if written is None else Applicability.UNSAFE,
            f"`{direction}:{'' if written is None else ' []'}` denies nothing: {direction} of {subject} is open",
            f"{_NO_RULE}; {_NULL}" if written is None else _NO_RULE,
            severity=Severity.WARNING if meant else Severity.NOTE,
            change=None if written is None else change,
            evidence=(*meant, *workloads_evidence(opened)),
            # What is commented out below a key without a value may be what was meant.
            advice="remove the key, or write the rules that were meant" if written is None else "",
            at_key=True,
        )


def _is_open(reach: Reach, direction: str) -> bool:
    """Whether no policy puts the pods into default deny, and none that may select them does."""
    possible = any(rule.entry.direction == direction for rule in reach.possible)
    return not (reach.denied_by_default(direction) or possible or reach.unread)
