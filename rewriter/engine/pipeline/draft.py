"""A document on its way through the passes: its text, its pending fixes, and where findings stand in the original."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import field
from functools import partial
from typing import Any

from rewriter import yamltext
from rewriter.cilium.policy import Policy
from rewriter.engine.documents.read import FoundPolicy, slice_of
from rewriter.engine.pipeline.doubtful import Place
from rewriter.engine.pipeline.hooks import FileHooks, Seen
from rewriter.engine.proofs.manifest import ProofError, deletes, patched, prove_comments, prove_structure
from rewriter.engine.results.result import Location
from rewriter.evidence.context import Context
from rewriter.finding import Finding, Operation
from rewriter.reach.world import CompiledClaims
from rewriter.records import dataclass


@dataclass(slots=True)
class Draft:
    """A document on its way through the passes, with its policies.

    `value` is what the fixes so far make of it. Of those that are `pending`, only the `editor` has the text: the
    fixes of one pass are parsed and proved together. Where that fails, a `careful` attempt finds which of them it is.
    `steps` holds, by policy, what its fixes declare, and `inexact` the policies of which a step was judged by
    witnesses only. `spent` is the work that proofs took, by policy. `contexts` are what passes see of the policies of
    the document as it is now, by position, and `found` what each pass found last, in which document.
    """

    document: yamltext.Document
    limits: Limits
    careful: bool = False
    value: Any = None
    editor: yamltext.Editor | None = None
    pending: list[Operation] = field(default_factory=list)
    policies: Sequence[FoundPolicy] = ()
    first: Sequence[FoundPolicy] = ()
    steps: dict[int, list[CompiledClaims | None]] = field(default_factory=dict)
    inexact: set[int] = field(default_factory=set)
    operations: list[Operation] = field(default_factory=list)
    lines: _LineMap | None = None
    spent: Counter[int] = field(default_factory=Counter)
    contexts: dict[int, tuple[FoundPolicy, Context]] = field(default_factory=dict)
    found: dict[str, tuple[yamltext.Document, list[tuple[int, Finding]]]] = field(default_factory=dict)

    def replace(self, document: yamltext.Document, policies: Sequence[FoundPolicy]) -> None:
        self.document = document
        self.value = document.value
        self.editor = None
        self.pending = []
        self.lines = None
        self.contexts = {}
        self.policies = policies
        self.first = self.first or self.policies

    def context(self, index: int, hooks: FileHooks) -> Context:
        """What passes see of a policy, the same for all of them as long as nothing of it changes."""
        policy = self.policies[index]
        known = self.contexts.get(index)
        if known is None or known[0] is not policy:
            comments = partial(yamltext.comment_texts, self.document)
            made = hooks.context(policy, comments, partial(yamltext.comments_at, self.document))
            known = self.contexts[index] = policy, made
        return known[1]

    def seen(self) -> Seen | None:
        """What the passes found in their last round; None where one of them was left out."""
        if self.limits.silent:
            return None
        return Seen(slice_of(self.document), self.policies, {name: found for name, (_, found) in self.found.items()})

    def found_here(self, name: str) -> list[tuple[int, Finding]] | None:
        """What a pass found in the document as it is now; None where it has not looked at it."""
        document, found = self.found.get(name, (None, []))
        return found if document is self.document and not self.pending else None

    def keep_found(self, name: str, found: list[tuple[int, Finding]]) -> list[tuple[int, Finding]]:
        self.found[name] = self.document, found
        return found

    def unchanged(self, finding: Finding) -> bool:
        """Whether the document still says on which line a finding stands, though fixes are pending."""
        node = yamltext.node_at(self.document, finding.route)
        return node is not None and (self.editor is None or self.editor.unchanged_before(node.start))


@dataclass(frozen=True, slots=True)
class Limits:
    """What an attempt leaves out, by position of the policy.

    `skip_reasons` say why policies are not rewritten, `silent` are passes that failed on a policy, `unproved` those
    whose fixes did, both with the pass's id. `needs_silenced` are passes whose fix is right only together with one that
    stays out, since its finding is silenced. `doubtful` are the places of findings that rest on settings which are not
    read: their fixes need consent.
    """

    skip_reasons: dict[int, str]
    silent: set[tuple[str, int]] = field(default_factory=set)
    unproved: set[tuple[str, int]] = field(default_factory=set)
    needs_silenced: set[tuple[str, int]] = field(default_factory=set)
    doubtful: frozenset[Place] = frozenset()


def apply_fix(draft: Draft, finding: Finding, hooks: FileHooks) -> tuple[str, int, str]:
    """Puts a finding's fix into the draft: the text before, the finding's line in it, and the text after.

    Raises EditError, ProofError.
    """
    assert finding.fix is not None
    operations = finding.fix.operations
    if draft.pending and not draft.unchanged(finding):
        settle(draft, hooks)
    draft.editor = draft.editor or yamltext.Editor(draft.document)
    old = draft.editor.text
    locate = yamltext.locate_key if finding.at_key else yamltext.locate
    line = locate(draft.document, finding.route).line
    text = draft.editor.edit(operations)
    draft.value = patched(draft.value, operations)
    draft.pending += operations
    draft.policies = hooks.policies(draft.value)
    if draft.careful:
        settle(draft, hooks)
    return old, line - draft.document.text.count("\n", 0, draft.document.span.start), text


def settle(draft: Draft, hooks: FileHooks) -> None:
    """Takes the text of the fixes that are pending, with proofs 1 and 2. Raises ProofError."""
    if not draft.pending or draft.editor is None:
        return
    try:
        documents = yamltext.parse_made(draft.editor.text)
    except yamltext.YamlTextError as error:
        raise ProofError("same structure", f"the new text does not parse: {error.message}") from None
    if len(documents) != 1:
        raise ProofError("same structure", "the number of documents would change")
    prove_structure(draft.value, documents[0].value)
    documents[0].keep_parts(draft.value)
    prove_comments([draft.document], documents, may_move=deletes(draft.pending))
    draft.operations += draft.pending
    draft.replace(documents[0], hooks.policies(documents[0].value))


def locate_finding(
    finding: Finding,
    policy: Policy,
    draft: Draft,
    document: yamltext.Document,
    original: str,
    hooks: FileHooks,
) -> Location:
    locate = yamltext.locate_key if finding.at_key else yamltext.locate
    location = locate(draft.document, finding.route)
    line, column, end_line, end_column = location.line, location.column, location.end_line, location.end_column
    if draft.document is not document:
        first_line = document.text.count("\n", 0, document.span.start)
        lines = draft.lines = draft.lines or _LineMap(original, draft.document.text)
        line, end_line = (first_line + lines.original(number) for number in (line, end_line))
    return Location(
        hooks.path,
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
        self._blocks = list(yamltext.opcodes(original.splitlines(), changed.splitlines()))

    def original(self, line: int) -> int:
        for tag, old_start, old_end, new_start, new_end in self._blocks:
            if new_start < line <= new_end:
                if tag == "equal":
                    return old_start + line - new_start
                return min(old_start + line - new_start, max(old_end, old_start + 1, 1))
        return max(1, line)
