"""Whether a finding harms anybody: not where another policy lets its flows through, or no policy is enforced."""

from __future__ import annotations

from dataclasses import replace

from rewriter.cilium.policy import Policy
from rewriter.engine.effects.of_fixes import Effects
from rewriter.evidence.settings import not_enforced
from rewriter.finding import Finding, Flows, Severity
from rewriter.inventory.facts.model import Cluster
from rewriter.text import policy_text


def unless_enforced(finding: Finding, cluster: Cluster | None) -> Finding:
    """A finding in a cluster; where no policy is enforced there it says so, and is a note if it is that it `drops`."""
    words = not_enforced(cluster)
    if not words:
        return finding
    why = "; ".join(filter(None, (finding.why, f"as long as {words}, no policy drops anything or decides on traffic")))
    severity = Severity.NOTE if finding.drops else finding.severity
    return replace(finding, severity=severity, why=why)


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
