"""A finding from a change: swapped in deny rules, stepped down where facts are in doubt, a candidate where manual."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from rewriter.cilium.policy import Rule
from rewriter.evidence.context import Context
from rewriter.evidence.doubts import REMEDY, doubts_about
from rewriter.evidence.placeholders import placeholders_in
from rewriter.finding import Applicability, Finding, Fix, Severity
from rewriter.inventory.facts.model import Cluster, EndpointSlice, Service, Workload
from rewriter.passes.kit.changes.change import Change
from rewriter.text import join_names

Fact = Service | Workload | Cluster | EndpointSlice


class HasRoute(Protocol):
    """A place of a policy: a site, a rule, a selector, a peer field."""

    @property
    def route(self) -> str: ...


def report(
    context: Context,
    at: HasRoute | str,
    applicability: Applicability,
    message: str,
    why: str = "",
    *,
    change: Change | None = None,
    rule: Rule | None = None,
    severity: Severity = Severity.WARNING,
    rests_on: Iterable[Fact] = (),
    hidden: Iterable[str] = (),
    evidence: Iterable[str] = (),
    advice: str = "",
    versions: str = "",
    at_key: bool = False,
    on_request: bool = False,
    once: str = "",
) -> Finding:
    """The finding of a pass at a place (a route, or something that has one).

    `change` is its fix, or its candidate where the applicability is manual. Of a deny rule (`rule`) what the change
    opens and closes is swapped. `rests_on` are the facts that the fix rests on: where one is in doubt the finding is
    manual, and says why. There is no fix that would write a `${NAME}` which the policy does not have. `hidden` says
    what may hold facts that were not read, in words: then it is at most unsafe.
    Findings of one pass with the same `once` are reported as one, at the first place of a run.
    """
    doubts = doubts_about(context.inventory, rests_on)
    unread = tuple(hidden)
    if doubts:
        applicability = Applicability.MANUAL
        advice = "; ".join(filter(None, (join_names(doubts), REMEDY, advice)))
    elif unread and applicability in (Applicability.SAFE, Applicability.EVIDENT):
        applicability = Applicability.UNSAFE
    if unread:
        advice = f"{advice}; " * bool(advice) + f"not read, and may matter: {join_names(unread, most=3)}"
    change = change or Change(())
    if unknown := _unknown_values(context, change):
        applicability, change = Applicability.MANUAL, Change(())
        stands = "stands for a value that is" if len(unknown) == 1 else "stand for values that are"
        advice = f"{join_names(unknown)} {stands} not known here; {advice}".removesuffix("; ")
    opens, closes = (change.closes, change.opens) if rule is not None and rule.deny else (change.opens, change.closes)
    fix = Fix(change.operations) if change.operations else None
    left = applicability is Applicability.MANUAL
    return Finding(
        severity=severity,
        applicability=applicability,
        route=at if isinstance(at, str) else at.route,
        message=message,
        why=why,
        evidence=tuple(evidence),
        advice=advice,
        fix=None if left else fix,
        candidate=fix if left else None,
        versions=versions,
        opens=opens,
        closes=closes,
        at_key=at_key,
        on_request=on_request,
        once=once,
    )


def _unknown_values(context: Context, change: Change) -> list[str]:
    """The placeholders that a change takes from facts: in the policy's file they may stand for something else."""
    written = placeholders_in([operation.get("value") for operation in change.operations])
    return sorted(written - placeholders_in(context.policy.raw)) if written else []
