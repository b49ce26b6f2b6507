"""One document through all passes: findings, fixes in rounds, and the proofs of each step."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from rewriter import yamltext
from rewriter.cilium.digits import is_number
from rewriter.engine.documents.read import FoundPolicy, slice_of
from rewriter.engine.effects.upgrade_changes import ID as UPGRADE_CHANGE
from rewriter.engine.effects.upgrade_changes import upgrade_changes
from rewriter.engine.pipeline.doubtful import Doubt, Place, doubted, find_doubts, in_words, place_of, with_doubts
from rewriter.engine.pipeline.draft import Draft, Limits, locate_finding, settle
from rewriter.engine.pipeline.hooks import FileHooks, Outcome, Seen
from rewriter.engine.pipeline.isolation import Failure, PartFailedError, failure_of
from rewriter.engine.pipeline.steps import fix_finding, prove_policies
from rewriter.engine.proofs.budget import check_work, size_of
from rewriter.engine.proofs.comments import prove_places
from rewriter.engine.proofs.manifest import ProofError
from rewriter.engine.results.result import Location, Reported
from rewriter.finding import Finding
from rewriter.passes.kit.enforced.enforcement import has_wrong_types
from rewriter.passes.kit.registry import Pass

MAX_ROUNDS = 5
#: A policy of this size gets by with a small part of the work, whatever is found in it.
_SMALL = 100


class _NeedsSilencedError(Exception):
    """A fix would change flows that it does not declare, and another of the pass stays out: its finding is silenced."""

    def __init__(self, pass_id: str, policy: int) -> None:
        super().__init__(pass_id, policy)
        self.pass_id = pass_id
        self.policy = policy


def fix_document(
    document: yamltext.Document, hooks: FileHooks, policies: Sequence[FoundPolicy], seen: Seen | None = None
) -> Outcome:
    """All passes over one document with these policies in it until nothing changes any more; see `MAX_ROUNDS`.

    A policy that the target version rejects whatever its fixes do is left as it is, and its findings say so; so is one
    that has a `skip_reason`. `seen` is what the same passes have found in this file: it holds where the document is the
    same. What rests on settings of Cilium that are not read (`hooks.possible`) says so, and needs consent.
    """
    outcome = _fixed(document, hooks, policies, frozenset(), seen)
    if not outcome.findings:
        return outcome
    found: dict[Place, list[Doubt]] = {}
    for possible in hooks.possible():
        usual = _fixed(document, possible.without(hooks), policies) if possible.without else outcome
        for place, words in find_doubts(usual, _fixed(document, possible.under(hooks), policies)):
            found.setdefault(place, []).extend(Doubt(possible.setting, source, words) for source in possible.places)
    doubts = in_words(found)
    rests = [item for item in outcome.findings if item.fixed and place_of(item) in doubts]
    if any(not hooks.allowed(doubted(item.finding)) for item in rests):
        outcome = _fixed(document, hooks, policies, frozenset(doubts), seen)
    outcome.findings = with_doubts(outcome.findings, doubts)
    return outcome


def _fixed(
    document: yamltext.Document,
    hooks: FileHooks,
    policies: Sequence[FoundPolicy],
    doubtful: frozenset[Place] = frozenset(),
    seen: Seen | None = None,
) -> Outcome:
    """As `fix_document` for the settings that the hooks have; fixes at the `doubtful` places need consent."""
    held = {
        index: f"not rewritten: {why}"
        for index, found in enumerate(hooks.policies(document.value))
        if (why := hooks.skip_reason(found))
    }
    limits = Limits(held, doubtful=doubtful)
    failures: list[Failure] = []
    careful = False
    while True:
        try:
            outcome, rejected = _attempt(document, hooks, policies, limits, careful=careful, seen=seen)
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
            outcome.findings += find_upgrade_changes(document, hooks, policies, outcome.findings)
            return outcome
        limits.skip_reasons.update(rejected)


def find_upgrade_changes(
    document: yamltext.Document, hooks: FileHooks, policies: Sequence[FoundPolicy], findings: Sequence[Reported] = ()
) -> list[Reported]:
    """What the upgrade changes beyond what the findings of the passes report, where that is asked for."""
    if not hooks.previews or not any(pass_.id == UPGRADE_CHANGE for pass_ in reversed(hooks.passes)):
        return []
    found = upgrade_changes(document, policies, hooks.effects, hooks.path, findings)
    settled = [replace(item, finding=hooks.configured(item.finding)) for item in found]
    reportable = [item for item in settled if not hooks.silenced(item.finding, item.location)]
    known = hooks.known([(item.finding, item.location) for item in reportable])
    return [item for item, is_known in zip(reportable, known, strict=True) if not is_known]


def _leave_out(error: PartFailedError, limits: Limits) -> None:
    """What the next attempt leaves out, so that it does not fail as this one did."""
    policy = error.failure.policy
    if not error.pass_id:
        limits.skip_reasons[policy] = f"not rewritten: {error.failure.what} failed ({error.failure.reason})"
    elif error.fixing:
        limits.unproved.add((error.pass_id, policy))
    else:
        limits.silent.add((error.pass_id, policy))


def _attempt(
    document: yamltext.Document,
    hooks: FileHooks,
    policies: Sequence[FoundPolicy],
    limits: Limits,
    *,
    careful: bool,
    seen: Seen | None,
) -> tuple[Outcome, dict[int, str]]:
    """One attempt, and the policies that must be held in the next."""
    outcome = Outcome()
    original = slice_of(document)
    draft = Draft(document, limits, careful)
    draft.replace(document, policies)
    known = seen.found if seen is not None and seen.holds_for(draft.seen()) else {}
    try:
        for number in range(MAX_ROUNDS):
            if not _round(draft, document, original, hooks, outcome, known, first=number == 0):
                break
        else:
            raise ProofError("stable", f"the passes still change the document after {MAX_ROUNDS} rounds")
        rejected = prove_policies(draft, hooks)
        if draft.document is not document:
            prove_places(document, draft.document, draft.operations)
            outcome.text, outcome.value = draft.document.text, draft.document.value
            outcome.seen = draft.seen()
    except ProofError as error:
        outcome.failure = str(error)
        outcome.findings = [
            replace(reported, fixed=False, not_fixed=str(error)) if reported.fixed else reported
            for reported in outcome.findings
        ]
        return outcome, {}
    return outcome, rejected


def _round(
    draft: Draft,
    document: yamltext.Document,
    original: str,
    hooks: FileHooks,
    outcome: Outcome,
    before: Mapping[str, Sequence[tuple[int, Finding]]],
    *,
    first: bool,
) -> bool:
    """One round; whether it changed the document. `before` is what passes find as long as it is not changed."""
    changed = False
    for pass_ in _counting(draft, hooks):
        earlier = before.get(pass_.id) if draft.document is document else draft.found_here(pass_.id)
        found = draft.keep_found(pass_.id, list(_findings(pass_, draft, hooks) if earlier is None else earlier))
        if not found:
            continue
        located = [
            (index, finding, locate_finding(finding, draft.policies[index].policy, draft, document, original, hooks))
            for index, finding in found
        ]
        unsilenced = [item for item in located if not hooks.silenced(item[1], item[2])]
        known = hooks.known([(finding, location) for _, finding, location in unsilenced])
        reportable = [item for item, is_known in zip(unsilenced, known, strict=True) if not is_known]
        reported = {id(finding): Reported(finding, location) for _, finding, location in reportable}
        try:
            _check_work(draft, [entry for entry in reportable if first or entry[1].fix], reported, hooks)
            for index, finding, _ in sorted(reportable, key=lambda item: _natural(item[1].route), reverse=True):
                again = partial(_found_again, pass_, draft, index, hooks)
                try:
                    reported[id(finding)] = fix_finding(
                        draft, index, reported[id(finding)], hooks, preview=first, find_again=again
                    )
                except ProofError as error:
                    if draft.careful and index in _left_alone(located, reportable):
                        raise _NeedsSilencedError(finding.id, index) from error
                    reported[id(finding)] = replace(reported[id(finding)], not_fixed=str(error))
                    raise
                except PartFailedError:
                    raise
                except Exception as error:
                    what = f"the fix of {finding.code} {finding.id}"
                    raise PartFailedError(failure_of(error, what, index), finding.id, fixing=True) from error
            settle(draft, hooks)
        finally:
            # Later rounds see again what the first could not fix; only what they fix is new, and stands in its place.
            fixed = {_finding_key(item) for item in reported.values() if item.fixed and not first}
            outcome.findings = [item for item in outcome.findings if item.fixed or _finding_key(item) not in fixed]
            outcome.findings += [item for item in reported.values() if first or item.fixed or item.not_fixed]
        changed = changed or any(item.fixed for item in reported.values())
    return changed


def _counting(draft: Draft, hooks: FileHooks) -> Sequence[Pass]:
    """The passes that count. What others find takes of the work that a policy is given, which is felt by large ones."""
    if not hooks.idle or any(size_of(found.policy) > _SMALL for found in draft.policies):
        return hooks.passes
    return [pass_ for pass_ in hooks.passes if pass_.id not in hooks.idle]


def _found_again(pass_: Pass, draft: Draft, index: int, hooks: FileHooks, finding: Finding) -> Finding | None:
    """What a pass finds in the place of a finding, with the fixes so far; None where they have mended it."""
    settle(draft, hooks)
    same = [other for _, other in _findings(pass_, draft, hooks, only=index) if other.route == finding.route]
    return next((other for other in same if other.message == finding.message), same[0] if same else None)


_LocatedFinding = tuple[int, Finding, Location]


def _check_work(
    draft: Draft, reportable: Sequence[_LocatedFinding], reported: dict[int, Reported], hooks: FileHooks
) -> None:
    """Raises ProofError where what a pass finds in a policy is too much to prove; its findings then say so."""
    fixes = [(index, finding) for index, finding, _ in reportable if finding.fix or finding.candidate]
    sizes = {index: size_of(draft.policies[index].policy) for index in {index for index, _ in fixes}}
    try:
        check_work((index for index, _ in fixes), sizes, draft.spent, hooks.most_work)
    except ProofError as error:
        for _, finding in fixes:
            reported[id(finding)] = replace(reported[id(finding)], not_fixed=str(error))
        raise


def _left_alone(located: Sequence[_LocatedFinding], reportable: Sequence[_LocatedFinding]) -> set[int]:
    """The policies whose fix stays out because its finding is silenced or in the baseline."""
    reported = {id(finding) for _, finding, _ in reportable}
    return {index for index, finding, _ in located if finding.fix is not None and id(finding) not in reported}


def _findings(pass_: Pass, draft: Draft, hooks: FileHooks, *, only: int | None = None) -> Iterator[tuple[int, Finding]]:
    """The findings of a pass with the positions of their policies: of all policies, or of `only` one."""
    for index, found in enumerate(draft.policies):
        if only not in (None, index):
            continue
        if found.policy.kind not in pass_.kinds or (pass_.id, index) in draft.limits.silent:
            continue
        context = draft.context(index, hooks)
        try:
            if pass_.any_types or not has_wrong_types(found.policy):
                for finding in pass_.find(context):
                    if any(_overlap(finding.route, route) for route in hooks.overwritten(found)):
                        continue
                    if not finding.on_request or finding.id in hooks.selected:
                        yield index, hooks.configured(finding)
        except Exception as error:
            raise PartFailedError(
                failure_of(error, f"{pass_.code} {pass_.id}", index), pass_.id, fixing=False
            ) from error


def _overlap(one: str, other: str) -> bool:
    """Whether two routes are of one place, or one of a part of the other's."""
    shorter, longer = sorted((one, other), key=len)
    return shorter != "" and (longer == shorter or longer.startswith(f"{shorter}/"))


def _finding_key(reported: Reported) -> tuple[object, ...]:
    """The key that identifies a finding of a document, though its text and the end of its place may change."""
    location = reported.location
    return reported.finding.code, location.line, location.column, location.kind, location.namespace, location.name


def _natural(route: str) -> list[tuple[int, int, str]]:
    """A key that sorts routes in document order within one list: numbers as numbers."""
    return [(0, int(part), "") if is_number(part) else (1, 0, part) for part in re.split("/", route)]
