"""Proof 5: the fixes of a policy change the flows that their findings declare, and no others."""

from __future__ import annotations

from rewriter.engine.effects.of_fixes import Step
from rewriter.engine.proofs.manifest import ProofError
from rewriter.finding import Applicability, Finding
from rewriter.text import join_flows

#: How many flows an error names.
_SHOWN = 3


def check_claims(finding: Finding, step: Step) -> None:
    """Proof 5 for one step: every flow that it changes is one that its finding declares. Raises ProofError."""
    safe = finding.applicability is Applicability.SAFE
    for verb, found, claims in (
        ("open", step.undeclared.opened, finding.opens),
        ("close", step.undeclared.closed, finding.closes),
    ):
        if found:
            declared = join_flows(claims, most=_SHOWN) or "nothing"
            claimed = "a safe fix changes no flow" if safe else f"the finding declares that it {verb}s {declared}"
            raise ProofError(
                "only the declared effect", f"{finding.id} would {verb} {join_flows(found, most=_SHOWN)}; {claimed}"
            )


def check_together(step: Step) -> None:
    """Proof 5 for all steps of a policy together, against all that their findings declare. Raises ProofError."""
    for verb, found in (("open", step.undeclared.opened), ("close", step.undeclared.closed)):
        if found:
            raise ProofError(
                "only the declared effect", f"the fixes together would {verb} {join_flows(found, most=_SHOWN)}"
            )
