"""One document through all passes: findings, fixes in rounds, and the proofs of each step."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from rewriter import yamltext
from rewriter.cilium.policy import Policy
from rewriter.engine.documents import FoundPolicy, slice_of
from rewriter.engine.proofs import ProofError, deletes, patched, prove_comments, prove_structure
from rewriter.engine.result import Place, Reported
from rewriter.finding import Applicability, Finding
from rewriter.passes.base import Context, Pass

MAX_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Rules:
    """How a file's documents are treated: its passes, what may be applied, and how policies get their context."""

    path: str
    passes: tuple[Pass, ...]
    policies: Callable[[object], Sequence[FoundPolicy]]
    context: Callable[[FoundPolicy, tuple[str, ...]], Context]
    configured: Callable[[Finding], Finding]
    allowed: Callable[[Finding], bool]
    silenced: Callable[[Finding, Place], bool]


@dataclass(slots=True)
class Outcome:
    """What became of one document: its new text (None: unchanged), its findings, the proof that failed."""

    text: str | None = None
    findings: list[Reported] = field(default_factory=list)
    failure: str = ""


@dataclass(slots=True)
class _Draft:
    """A document on its way through the passes, with its policies and the texts of its comments."""

    document: yamltext.Document
    policies: Sequence[FoundPolicy] = ()
    comments: tuple[str, ...] = ()

    def take(self, document: yamltext.Document, rules: Rules) -> None:
        self.document = document
        self.policies = rules.policies(document.value)
        self.comments = tuple(comment.text for comment in yamltext.comments_of(document))


def treat_document(document: yamltext.Document, rules: Rules) -> Outcome:
    """All passes over one document until nothing changes any more; see `MAX_ROUNDS`."""
    outcome = Outcome()
    original = slice_of(document)
    draft = _Draft(document)
    draft.take(document, rules)
    try:
        for number in range(MAX_ROUNDS):
            if not _round(draft, document, original, rules, outcome, first=number == 0):
                break
        else:
            raise ProofError("stable", f"the passes still change the document after {MAX_ROUNDS} rounds")
        if draft.document is not document:
            outcome.text = draft.document.text
    except ProofError as error:
        outcome.failure = str(error)
        outcome.findings = [
            replace(reported, fixed=False, not_fixed=str(error)) if reported.fixed else reported
            for reported in outcome.findings
        ]
    return outcome


def _round(
    draft: _Draft, document: yamltext.Document, original: str, rules: Rules, outcome: Outcome, *, first: bool
) -> bool:
    changed = False
    for each in rules.passes:
        found = list(_findings(each, draft, rules))
        if not found:
            continue
        placed = [
            (policy, finding, _place(finding, policy, draft, document, original, rules)) for policy, finding in found
        ]
        loud = [(finding, place) for _, finding, place in placed if not rules.silenced(finding, place)]
        reported = {id(finding): Reported(finding, place) for finding, place in loud}
        for finding, _ in sorted(loud, key=lambda pair: _natural(pair[0].route), reverse=True):
            if finding.fix is None or not rules.allowed(finding):
                continue
            try:
                _apply(draft, finding, rules)
            except yamltext.EditError as error:
                reported[id(finding)] = replace(reported[id(finding)], not_fixed=f"not rewritten: {error.message}")
                continue
            reported[id(finding)] = replace(reported[id(finding)], fixed=True)
            changed = True
        # Later rounds see again what the first could not fix; only what they fix is new.
        outcome.findings += [item for item in reported.values() if first or item.fixed]
    return changed


def _findings(each: Pass, draft: _Draft, rules: Rules) -> Iterator[tuple[Policy, Finding]]:
    for found in draft.policies:
        if found.policy.kind in each.kinds:
            for finding in each.find(rules.context(found, draft.comments)):
                yield found.policy, rules.configured(finding)


def _apply(draft: _Draft, finding: Finding, rules: Rules) -> None:
    """Puts a finding's fix into the draft, with proofs 1 and 2. Raises EditError and ProofError."""
    assert finding.fix is not None
    operations = finding.fix.operations
    text = yamltext.edit_document(draft.document, operations)
    try:
        documents = yamltext.parse(text)
    except yamltext.YamlTextError as error:
        raise ProofError("same structure", f"the new text does not parse: {error.message}") from None
    if len(documents) != 1:
        raise ProofError("same structure", "the new text has another number of documents")
    prove_structure(patched(draft.document.value, operations), documents[0].value)
    prove_comments([draft.document], documents, may_move=deletes(operations))
    draft.take(documents[0], rules)


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
        lines = _LineMap(original, draft.document.text)
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


class _LineMap:
    """From lines of a changed text back to those of the original (1-based)."""

    def __init__(self, original: str, changed: str) -> None:
        matcher = difflib.SequenceMatcher(None, original.splitlines(), changed.splitlines(), autojunk=False)
        self._blocks = matcher.get_opcodes()

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


def by_config(finding: Finding, override: Applicability | None) -> Finding:
    """A finding as the config wants it: promoted (a candidate becomes the fix) or demoted (a fix becomes one)."""
    if override is None or override is finding.applicability:
        return finding
    if override is Applicability.MANUAL:
        return replace(finding, applicability=override, fix=None, candidate=finding.fix or finding.candidate)
    fix = finding.fix or finding.candidate
    if fix is None:
        return finding
    return replace(finding, applicability=override, fix=fix, candidate=None)
