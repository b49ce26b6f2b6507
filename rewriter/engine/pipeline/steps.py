"""One step of a rewrite: a finding's fix applied or previewed, the flows that it changes, and proofs 3 and 5."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from rewriter import yamltext
from rewriter.cilium.policy import Policy
from rewriter.engine.documents.read import why_left
from rewriter.engine.effects.claims import merge_claims
from rewriter.engine.effects.harm import without_harm
from rewriter.engine.effects.of_fixes import Step
from rewriter.engine.pipeline.doubtful import doubted, place_of
from rewriter.engine.pipeline.draft import Draft, apply_fix
from rewriter.engine.pipeline.hooks import FileHooks
from rewriter.engine.pipeline.isolation import PartFailedError, failure_of
from rewriter.engine.pipeline.repeated import repeats
from rewriter.engine.proofs.flows import check_claims, check_together
from rewriter.engine.proofs.manifest import ProofError, patched
from rewriter.engine.results.own_change import line_changes
from rewriter.engine.results.result import Reported
from rewriter.finding import Finding
from rewriter.reach.world import CompiledClaims

_NEEDS_SILENCED = (
    "not rewritten: alone the fix changes other flows; it needs that of another finding of this policy, which is "
    "silenced or in the baseline"
)

#: The evidence of a finding that the fix of another one mends.
MENDED = "the fix of another finding of this policy makes the same change, and mends this one too"


def fix_finding(
    draft: Draft,
    index: int,
    reported: Reported,
    hooks: FileHooks,
    *,
    preview: bool,
    find_again: Callable[[Finding], Finding | None],
) -> Reported:
    """A finding with its fix applied to the draft, or with what the fix would do.

    `find_again` gives what the pass finds there now, with the fixes so far; None where they have mended it.
    """
    held = _held(draft, index, reported, hooks, preview=preview)
    if held is None and index in draft.steps and _repeats(draft, reported.finding):
        still = find_again(reported.finding)
        if still is None:
            mended = replace(reported.finding, evidence=(*reported.finding.evidence, MENDED))
            return replace(reported, finding=mended, fixed=True)
        # What it is now may need more consent than what it was.
        reported = replace(reported, finding=still)
        held = _held(draft, index, reported, hooks, preview=True)
    if held is not None:
        return held
    finding = reported.finding
    before = draft.policies
    try:
        old, line, text = apply_fix(draft, finding, hooks)
    except yamltext.EditError as error:
        return replace(reported, not_fixed=f"not rewritten: {error.message}") if preview else reported
    if len(draft.policies) != len(before):
        raise ProofError("same structure", "the number of policies would change")
    judged, step, declared = judge_finding(reported, before[index].policy, draft.policies[index].policy, hooks)
    draft.steps.setdefault(index, []).append(declared)
    check_claims(finding, step)
    if not step.flows.exact:
        draft.inexact.add(index)
    return replace(judged, fixed=True, change=line_changes(old, line, text))


def _held(draft: Draft, index: int, reported: Reported, hooks: FileHooks, *, preview: bool) -> Reported | None:
    """What is reported of a finding whose fix is not to be applied; None where it is."""
    finding = reported.finding
    why = ""
    if (finding.id, index) in draft.limits.unproved:
        why = "not rewritten: what its fix does could not be worked out"
    elif (finding.id, index) in draft.limits.needs_silenced:
        why = _NEEDS_SILENCED
    elif finding.fix is not None and (left := why_left(draft.policies[index], finding.fix)):
        why = f"not rewritten: {left}"
    elif finding.fix is None or not hooks.allowed(doubted(finding) if _is_doubtful(draft, reported) else finding):
        return _preview(draft, index, reported, hooks) if preview else reported
    elif index in draft.limits.skip_reasons:
        why = draft.limits.skip_reasons[index]
    elif left := hooks.left_out(reported):
        why = f"not rewritten: {left}"
    if not why:
        return None
    return replace(reported, not_fixed=why) if preview else reported


def _is_doubtful(draft: Draft, reported: Reported) -> bool:
    """Whether a finding rests on a setting that is not read."""
    return place_of(reported) in draft.limits.doubtful


def _repeats(draft: Draft, finding: Finding) -> bool:
    """Whether a fix would write a rule, peer or port that stands in the same list already."""
    operations = finding.fix.operations if finding.fix is not None else ()
    return repeats(draft.value, patched(draft.value, operations), operations)


def _preview(draft: Draft, index: int, reported: Reported, hooks: FileHooks) -> Reported:
    """The finding with what a fix that is not applied would do; as it is where there is none, or it does not fit."""
    fix = reported.finding.fix or reported.finding.candidate
    if fix is None or not hooks.previews:
        return reported
    try:
        policies = hooks.policies(patched(draft.value, fix.operations))
    except ProofError:
        return reported
    if len(policies) != len(draft.policies) or hooks.effects.rejected(policies[index].policy):
        return reported
    return judge_finding(reported, draft.policies[index].policy, policies[index].policy, hooks)[0]


def judge_finding(
    reported: Reported, before: Policy, after: Policy, hooks: FileHooks
) -> tuple[Reported, Step, CompiledClaims | None]:
    """The finding with the flows that a step changes and what was seen of them, the step, and what it declares."""
    declared = hooks.effects.compile_claims(reported.finding, before)
    step = hooks.effects.judge_step(before, after, declared, full=hooks.explains)
    observed = hooks.observe(reported.location.document, before, after) if hooks.observe else None
    finding = reported.finding
    if observed is not None:
        finding = replace(finding, evidence=(*finding.evidence, *observed.evidence))
    if hooks.previews:
        finding = without_harm(finding, before, after, step.flows, hooks.effects)
    judged = replace(reported, finding=finding, flows=step.flows, observed=observed, among_others=step.among_others)
    return judged, step, declared


def prove_policies(draft: Draft, hooks: FileHooks) -> dict[int, str]:
    """Proofs 3 and 5 for each policy as a whole; returns those that stay rejected, with the reason."""
    rejected: dict[int, str] = {}
    for index, declared in draft.steps.items():
        try:
            why_not = _prove_policy(draft, index, declared, hooks)
        except ProofError:
            raise
        except Exception as error:
            raise PartFailedError(failure_of(error, "a proof", index), "", fixing=True) from error
        if why_not:
            rejected[index] = why_not
    return rejected


def _prove_policy(draft: Draft, index: int, declared: Sequence[CompiledClaims | None], hooks: FileHooks) -> str:
    """Why a policy stays rejected; empty where proofs 3 and 5 hold for it. Raises ProofError where one does not."""
    old, new = draft.first[index].policy, draft.policies[index].policy
    why = hooks.effects.rejected(new)
    if why is not None:
        version = hooks.effects.target.version
        if hooks.effects.rejected(old) is None:
            raise ProofError("accepted", f"Cilium {version} would reject the result: {why.message}")
        return (
            f"not rewritten: Cilium {version} rejects the policy for another reason as well, so that no rewrite "
            f"has an effect: {why.message}"
        )
    if index in draft.inexact:
        # Steps that were tried on every combination of labels leave nothing that only all of them would show.
        check_together(hooks.effects.judge_step(old, new, merge_claims(declared), narrow=False))
    return ""
