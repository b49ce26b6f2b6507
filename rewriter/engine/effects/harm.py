"""Whether a finding harms anybody: not where another policy of the same pods lets its flows through anyway."""

from __future__ import annotations

from dataclasses import replace

from rewriter.cilium.policy import Policy
from rewriter.engine.effects.of_fixes import Effects
from rewriter.finding import Finding, Flows, Severity
from rewriter.text import policy_text


def without_harm(finding: Finding, before: Policy, after: Policy, flows: Flows, effects: Effects) -> Finding:
    """A finding whose fix makes one policy another and so changes `flows`; a note where nothing is dropped for it.

    Rules of all policies of a pod are OR-ed, so that a rule that allows too little drops nothing that another allows.
    """
    if not (finding.drops and flows.opened) or finding.severity is Severity.NOTE:
        return finding
    other = effects.allowed_by(before, after)
    if other is None:
        return finding
    why = f"nothing is dropped for it today: {policy_text(other)} lets the same flows of these pods through"
    return replace(finding, severity=Severity.NOTE, why=why)
