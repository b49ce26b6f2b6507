"""One document through all passes: findings, fixes in rounds, and the proofs of each step."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from rewriter import yamltext
from rewriter.cilium.policy import Policy
from rewriter.engine.claims import merge_claims
from rewriter.engine.comment_proof import prove_places
from rewriter.engine.documents import FoundPolicy, slice_of, why_left
from rewriter.engine.effects import Effects, Step, check_claims, check_together
from rewriter.engine.isolation import Failure, PartFailedError, failure_of
from rewriter.engine.observed import Observed
from rewriter.engine.own_change import line_changes
from rewriter.engine.proofs import ProofError, deletes, patched, prove_comments, prove_structure
from rewriter.engine.result import Place, Reported
from rewriter.engine.upgrade_changes import ID as UPGRADE_CHANGE
from rewriter.engine.upgrade_changes import upgrade_changes
from rewriter.evidence.context import Context
from rewriter.finding import Finding, Operation
from rewriter.passes.kit.enforcement import has_wrong_types
from rewriter.passes.kit.registry import Pass
from rewriter.reach.world import CompiledClaims

MAX_ROUNDS = 5
Observe = Callable[[int, Policy, Policy], Observed | None]


@dataclass(frozen=True, slots=True)
class Rules:
    """How a file's documents are treated: its passes, what may be applied, and how policies get their context.

    `held` says of a policy that must not be rewritten why not; it is empty for others.
    `previews` asks for the effect of fixes that are not applied, too. `observe` says what traffic that was seen has to
    do with a step of a policy in the document at a position; None where nothing was looked at. `selected` are the
    passes that are selected by name, which report what others report only on request.
    """

    path: str
    passes: tuple[Pass, ...]
    policies: Callable[[object], Sequence[FoundPolicy]]
    context: Callable[[FoundPolicy, tuple[str, ...], Callable[[str], tuple[str, ...]]], Context]
    configured: Callable[[Finding], Finding]
    allowed: Callable[[Finding], bool]
    silenced: Callable[[Finding, Place], bool]
    known: Callable[[Sequence[tuple[Finding, Place]]], Sequence[bool]]
    effects: Effects
    held: Callable[[FoundPolicy], str] = lambda _policy: ""
    previews: bool = True
    observe: Observe | None = None
    selected: frozenset[str] = frozenset()


@dataclass(slots=True)
class Outcome:
    """What became of one document: its new text (None: unchanged), its findings, the proof that failed.

    `failures` are passes and proofs that could not be carried out on a policy.
    """

    text: str | None = None
    findings: list[Reported] = field(default_factory=list)
    failure: str = ""
    failures: list[Failure] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Limits:
    """What an attempt leaves out, by position of the policy.

    `held` says why policies are not rewritten, `silent` are passes that failed on a policy, `unproved` those whose
    fixes did, both with the pass's id. `needs_silenced` are passes whose fix is right only together with one that
    stays out, since its finding is silenced.
    """

    held: dict[int, str]
    silent: set[tuple[str, int]] = field(default_factory=set)
    unproved: set[tuple[str, int]] = field(default_factory=set)
    needs_silenced: set[tuple[str, int]] = field(default_factory=set)


class _NeedsSilencedError(Exception):
    """A fix would change flows that it does not declare, and another of the pass stays out: its finding is silenced."""

    def __init__(self, pass_id: str, policy: int) -> None:
        super().__init__(pass_id, policy)
        self.pass_id = pass_id
        self.policy = policy


_NEEDS_SILENCED = (
    "not rewritten: the fix changes no other flow only together with one of the same policy whose finding is silenced "
    "or in the baseline"
)


@dataclass(slots=True)
class _Draft:
    """A document on its way through the passes, with its policies and the texts of its comments.

    `value` is what the fixes so far make of it. Of those that are `pending`, only the `editor` has the text: the
    fixes of one pass are parsed and proved together. Where that fails, a `careful` attempt tells which of them it is.
    `steps` has what the fixes declare that each has
    got, and `inexact` those of which a step was judged by witnesses only.
    """

    document: yamltext.Document
    limits: _Limits
    careful: bool = False
    value: Any = None
    editor: yamltext.Editor | None = None
    pending: list[Operation] = field(default_factory=list)
    policies: Sequence[FoundPolicy] = ()
    comments: tuple[str, ...] = ()
    first: Sequence[FoundPolicy] = ()
    steps: dict[int, list[CompiledClaims | None]] = field(default_factory=dict)
    inexact: set[int] = field(default_factory=set)
    operations: list[Operation] = field(default_factory=list)
    lines: _LineMap | None = None

    def take(self, document: yamltext.Document, policies: Sequence[FoundPolicy]) -> None:
        self.document = document
        self.value = document.value
        self.editor = None
        self.pending = []
        self.lines = None
        self.policies = policies
        self.comments = tuple(comment.text for comment in yamltext.comments_of(document))
        self.first = self.first or self.policies

    def unchanged(self, finding: Finding) -> bool:
        """Whether the document still says on which line a finding stands, though fixes are pending."""
        node = yamltext.node_at(self.document, finding.route)
        return node is not None and (self.editor is None or self.editor.unchanged_before(node.start))


def treat_document(document: yamltext.Document, rules: Rules, policies: Sequence[FoundPolicy]) -> Outcome:
    """All passes over one document with these policies in it until nothing changes any more; see `MAX_ROUNDS`.

    A policy that the target version rejects whatever its fixes do is left as it is, and its findings say so; so is one
    that the rules hold.
    """
    held = {
        index: f"not rewritten: {why}"
        for index, found in enumerate(rules.policies(document.value))
        if (why := rules.held(found))
    }
    limits = _Limits(held)
    failures: list[Failure] = []
    careful = False
    while True:
        try:
            outcome, rejected = _attempt(document, rules, policies, limits, careful=careful)
        except PartFailedError as error:
            if careful:
                failures.append(error.failure)
                _leave_out(error, limits)
            careful = True
            continue
        except _NeedsSilencedError as error:
            limits.needs_silenced.add((error.pass_id, error.policy))
            continue
        if outcome.failure and not careful:
            careful = True
            continue
        if not rejected:
            outcome.failures = failures
            outcome.findings += _of_the_upgrade(document, rules, policies, outcome)
            return outcome
        limits.held.update(rejected)


def _of_the_upgrade(
    document: yamltext.Document, rules: Rules, policies: Sequence[FoundPolicy], outcome: Outcome
) -> list[Reported]:
    """What the upgrade changes beyond what the passes report, where that is asked for."""
    if not rules.previews or all(each.id != UPGRADE_CHANGE for each in rules.passes):
        return []
    found = upgrade_changes(document, policies, rules.effects, rules.path, outcome.findings)
    told = [replace(item, finding=rules.configured(item.finding)) for item in found]
    loud = [item for item in told if not rules.silenced(item.finding, item.place)]
    known = rules.known([(item.finding, item.place) for item in loud])
    return [item for item, is_known in zip(loud, known, strict=True) if not is_known]


def _leave_out(error: PartFailedError, limits: _Limits) -> None:
    """What the next attempt leaves out, so that it does not fail as this one did."""
    policy = error.failure.policy
    if not error.pass_id:
        limits.held[policy] = f"not rewritten: {error.failure.what} failed ({error.failure.reason})"
    elif error.fixing:
        limits.unproved.add((error.pass_id, policy))
    else:
        limits.silent.add((error.pass_id, policy))


def _attempt(
    document: yamltext.Document, rules: Rules, policies: Sequence[FoundPolicy], limits: _Limits, *, careful: bool
) -> tuple[Outcome, dict[int, str]]:
    """One attempt, and the policies that must be held in the next."""
    outcome = Outcome()
    original = slice_of(document)
    draft = _Draft(document, limits, careful)
    draft.take(document, policies)
    try:
        for number in range(MAX_ROUNDS):
            if not _round(draft, document, original, rules, outcome, first=number == 0):
                break
        else:
            raise ProofError("stable", f"the passes still change the document after {MAX_ROUNDS} rounds")
        rejected = _prove_policies(draft, rules)
        if draft.document is not document:
            prove_places(document, draft.document, draft.operations)
            outcome.text = draft.document.text
    except ProofError as error:
        outcome.failure = str(error)
        outcome.findings = [
            replace(reported, fixed=False, not_fixed=str(error)) if reported.fixed else reported
            for reported in outcome.findings
        ]
        return outcome, {}
    return outcome, rejected


def _round(
    draft: _Draft, document: yamltext.Document, original: str, rules: Rules, outcome: Outcome, *, first: bool
) -> bool:
    changed = False
    for each in rules.passes:
        found = list(_findings(each, draft, rules))
        if not found:
            continue
        placed = [
            (index, finding, _place(finding, draft.policies[index].policy, draft, document, original, rules))
            for index, finding in found
        ]
        unsilenced = [item for item in placed if not rules.silenced(item[1], item[2])]
        known = rules.known([(finding, place) for _, finding, place in unsilenced])
        loud = [item for item, is_known in zip(unsilenced, known, strict=True) if not is_known]
        reported = {id(finding): Reported(finding, place) for _, finding, place in loud}
        try:
            for index, finding, _ in sorted(loud, key=lambda item: _natural(item[1].route), reverse=True):
                try:
                    reported[id(finding)] = _treated(draft, index, reported[id(finding)], rules, preview=first)
                except ProofError as error:
                    if draft.careful and index in _left_alone(placed, loud):
                        raise _NeedsSilencedError(finding.id, index) from error
                    reported[id(finding)] = replace(reported[id(finding)], not_fixed=str(error))
                    raise
                except Exception as error:
                    what = f"the fix of {finding.code} {finding.id}"
                    raise PartFailedError(failure_of(error, what, index), finding.id, fixing=True) from error
            _settle(draft, rules)
        finally:
            # Later rounds see again what the first could not fix; only what they fix is new, and stands in its place.
            fixed = {_told_again(item) for item in reported.values() if item.fixed and not first}
            outcome.findings = [item for item in outcome.findings if item.fixed or _told_again(item) not in fixed]
            outcome.findings += [item for item in reported.values() if first or item.fixed or item.not_fixed]
        changed = changed or any(item.fixed for item in reported.values())
    return changed


_Placed = tuple[int, Finding, Place]


def _left_alone(placed: Sequence[_Placed], loud: Sequence[_Placed]) -> set[int]:
    """The policies of which a fix stays out because its finding is silenced or in the baseline."""
    reported = {id(finding) for _, finding, _ in loud}
    return {index for index, finding, _ in placed if finding.fix is not None and id(finding) not in reported}


def _treated(draft: _Draft, index: int, reported: Reported, rules: Rules, *, preview: bool) -> Reported:
    """A finding with its fix applied to the draft, or with what the fix would do."""
    finding = reported.finding
    if (finding.id, index) in draft.limits.unproved:
        why = "not rewritten: what its fix does could not be worked out"
        return replace(reported, not_fixed=why) if preview else reported
    if (finding.id, index) in draft.limits.needs_silenced:
        return replace(reported, not_fixed=_NEEDS_SILENCED) if preview else reported
    if finding.fix is not None and (why := why_left(draft.policies[index], finding.fix)):
        return replace(reported, not_fixed=f"not rewritten: {why}") if preview else reported
    if finding.fix is None or not rules.allowed(finding):
        return _preview(draft, index, reported, rules) if preview else reported
    if index in draft.limits.held:
        return replace(reported, not_fixed=draft.limits.held[index]) if preview else reported
    before = draft.policies
    try:
        old, line, text = _apply(draft, finding, rules)
    except yamltext.EditError as error:
        return replace(reported, not_fixed=f"not rewritten: {error.message}") if preview else reported
    if len(draft.policies) != len(before):
        raise ProofError("same structure", "the new text has another number of policies")
    judged, step, declared = _judged(reported, before[index].policy, draft.policies[index].policy, rules)
    draft.steps.setdefault(index, []).append(declared)
    check_claims(finding, step)
    if not step.flows.exact:
        draft.inexact.add(index)
    return replace(judged, fixed=True, change=line_changes(old, line, text))


def _preview(draft: _Draft, index: int, reported: Reported, rules: Rules) -> Reported:
    """The finding with what a fix that is not applied would do; as it is where there is none, or it does not fit."""
    fix = reported.finding.fix or reported.finding.candidate
    if fix is None or not rules.previews:
        return reported
    try:
        policies = rules.policies(patched(draft.value, fix.operations))
    except ProofError:
        return reported
    if len(policies) != len(draft.policies) or rules.effects.rejected(policies[index].policy):
        return reported
    return _judged(reported, draft.policies[index].policy, policies[index].policy, rules)[0]


def _judged(
    reported: Reported, before: Policy, after: Policy, rules: Rules
) -> tuple[Reported, Step, CompiledClaims | None]:
    """The finding with the flows that a step changes and what was seen of them, the step, and what it declares."""
    declared = rules.effects.compile_claims(reported.finding, before)
    step = rules.effects.step(before, after, declared)
    observed = rules.observe(reported.place.document, before, after) if rules.observe else None
    finding = reported.finding
    if observed is not None:
        finding = replace(finding, evidence=(*finding.evidence, *observed.evidence))
    return replace(reported, finding=finding, flows=step.flows, observed=observed), step, declared


def _prove_policies(draft: _Draft, rules: Rules) -> dict[int, str]:
    """Proofs 3 and 5 for each policy as a whole; returns those that stay rejected, with the reason."""
    rejected: dict[int, str] = {}
    for index, declared in draft.steps.items():
        try:
            why_not = _prove_policy(draft, index, declared, rules)
        except ProofError:
            raise
        except Exception as error:
            raise PartFailedError(failure_of(error, "a proof", index), "", fixing=True) from error
        if why_not:
            rejected[index] = why_not
    return rejected


def _prove_policy(draft: _Draft, index: int, declared: Sequence[CompiledClaims | None], rules: Rules) -> str:
    """Why a policy stays rejected; empty where proofs 3 and 5 hold for it. Raises ProofError where one does not."""
    old, new = draft.first[index].policy, draft.policies[index].policy
    why = rules.effects.rejected(new)
    if why is not None:
        version = rules.effects.target.version
        if rules.effects.rejected(old) is None:
            raise ProofError("accepted", f"Cilium {version} would reject the result: {why.message}")
        return (
            f"not rewritten: Cilium {version} rejects the policy for another reason as well, so that no rewrite "
            f"has an effect: {why.message}"
        )
    if len(declared) > 1 and index in draft.inexact:
        # Steps that were tried on every combination of labels leave nothing that only all of them would show.
        check_together(rules.effects.step(old, new, merge_claims(declared)))
    return ""


def _findings(each: Pass, draft: _Draft, rules: Rules) -> Iterator[tuple[int, Finding]]:
    """The findings of a pass with the positions of their policies."""
    for index, found in enumerate(draft.policies):
        if found.policy.kind not in each.kinds or (each.id, index) in draft.limits.silent:
            continue
        context = rules.context(found, draft.comments, partial(yamltext.comments_at, draft.document))
        try:
            if each.any_types or not has_wrong_types(found.policy):
                for finding in each.find(context):
                    if not finding.on_request or finding.id in rules.selected:
                        yield index, rules.configured(finding)
        except Exception as error:
            raise PartFailedError(failure_of(error, f"{each.code} {each.id}", index), each.id, fixing=False) from error


def _apply(draft: _Draft, finding: Finding, rules: Rules) -> tuple[str, int, str]:
    """Puts a finding's fix into the draft: the text before, the finding's line in it, and the text after.

    Raises EditError, ProofError.
    """
    assert finding.fix is not None
    operations = finding.fix.operations
    if draft.pending and not draft.unchanged(finding):
        _settle(draft, rules)
    draft.editor = draft.editor or yamltext.Editor(draft.document)
    old = draft.editor.text
    locate = yamltext.locate_key if finding.at_key else yamltext.locate
    line = locate(draft.document, finding.route).line
    text = draft.editor.edit(operations)
    draft.value = patched(draft.value, operations)
    draft.pending += operations
    draft.policies = rules.policies(draft.value)
    if draft.careful:
        _settle(draft, rules)
    return old, line - draft.document.text.count("\n", 0, draft.document.span.start), text


def _settle(draft: _Draft, rules: Rules) -> None:
    """Takes the text of the fixes that are pending, with proofs 1 and 2. Raises ProofError."""
    if not draft.pending or draft.editor is None:
        return
    try:
        documents = yamltext.parse(draft.editor.text)
    except yamltext.YamlTextError as error:
        raise ProofError("same structure", f"the new text does not parse: {error.message}") from None
    if len(documents) != 1:
        raise ProofError("same structure", "the new text has another number of documents")
    prove_structure(draft.value, documents[0].value)
    prove_comments([draft.document], documents, may_move=deletes(draft.pending))
    draft.operations += draft.pending
    draft.take(documents[0], rules.policies(documents[0].value))


def _place(
    finding: Finding,
    policy: Policy,
    draft: _Draft,
    document: yamltext.Document,
    original: str,
    rules: Rules,
) -> Place:
    locate = yamltext.locate_key if finding.at_key else yamltext.locate
    location = locate(draft.document, finding.route)
    line, column, end_line, end_column = location.line, location.column, location.end_line, location.end_column
    if draft.document is not document:
        first_line = document.text.count("\n", 0, document.span.start)
        lines = draft.lines = draft.lines or _LineMap(original, draft.document.text)
        line, end_line = (first_line + lines.original(number) for number in (line, end_line))
    return Place(
        rules.path,
        line,
        column,
        max(line, end_line),
        end_column,
        document.index,
        policy.kind,
        policy.namespace or "",
        policy.name,
    )


def _told_again(reported: Reported) -> tuple[object, ...]:
    """What tells a finding from others of a document, though its text and the end of its place may change."""
    place = reported.place
    return reported.finding.code, place.line, place.column, place.kind, place.namespace, place.name


class _LineMap:
    """From lines of a changed text back to those of the original (1-based)."""

    def __init__(self, original: str, changed: str) -> None:
        self._blocks = list(yamltext.opcodes(original.splitlines(), changed.splitlines()))

    def original(self, line: int) -> int:
        for tag, old_start, old_end, new_start, new_end in self._blocks:
            if new_start < line <= new_end:
                if tag == "equal":
                    return old_start + line - new_start
                return min(old_start + line - new_start, max(old_end, old_start + 1, 1))
        return max(1, line)


def _natural(route: str) -> list[tuple[int, int, str]]:
    """A key that sorts routes in document order within one list: numbers as numbers."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split("/", route)]
