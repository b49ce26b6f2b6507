"""Proofs 1, 2 and 4 over a file as it will be written: nothing else changed, and nothing more would."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from rewriter import yamltext
from rewriter.engine.charts.file import is_covered
from rewriter.engine.charts.treat import ChartOutcome
from rewriter.engine.documents.templates import Reading, read_documents
from rewriter.engine.overlays.treat import OverlayOutcome
from rewriter.engine.pipeline.document import fix_document
from rewriter.engine.pipeline.hooks import FileHooks, Outcome
from rewriter.engine.proofs.manifest import ProofError, prove_comments, prove_structure
from rewriter.engine.results.result import FileResult
from rewriter.engine.results.suppression import suppressions
from rewriter.evidence.resting import part
from rewriter.passes import PASS_IDS
from rewriter.records import dataclass
from rewriter.suppress import Suppression


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What of a file is proved where it was made: by rendering a chart, and by building kustomizations."""

    chart: ChartOutcome
    built: OverlayOutcome


def prove_file(
    result: FileResult,
    old: Reading,
    outcomes: Mapping[int, Outcome],
    elsewhere: Elsewhere,
    hooks_of: Callable[[tuple[Suppression, ...]], FileHooks],
) -> None:
    """Raises ProofError where the new text of a file does not hold what its documents became, and nothing else.

    `hooks_of` gives the hooks of a second run for the suppressions of the new text.
    """
    if any(one.end > other.start for one, other in pairwise(result.changes)):
        raise ProofError("same structure", "two fixes change the same lines")
    try:
        new = read_documents(result.after, yamltext.parse_made)
    except yamltext.YamlTextError as error:
        raise ProofError("same structure", f"the new file does not parse: {error.message}") from None
    if len(new.documents) != len(old.documents):
        raise ProofError("same structure", "the number of documents would change")
    pairs = list(_pairs(result, old.documents, new.documents, outcomes, elsewhere))
    prove_comments([document for document, _ in pairs], [pair for _, pair in pairs], may_move=True)
    silences = suppressions(new.text, new.documents, PASS_IDS)
    hooks = replace(hooks_of(silences), previews=False, observe=None)
    for before, document in pairs:
        outcome = outcomes.get(before.index)
        if outcome is None or outcome.text is None:
            prove_structure(before.value, document.value)
            continue
        document.keep_parts(outcome.value)
        with part(before.span.start):
            again = fix_document(document, hooks, hooks.policies(document.value), outcome.seen)
        if any(item.fixed for item in again.findings):
            raise ProofError("stable", "a second run would change the document again")
        if len(again.failures) > len(outcome.failures):
            raise ProofError("stable", f"a second run fails: {again.failures[-1].reason}")


def _pairs(
    result: FileResult,
    old: Sequence[yamltext.Document],
    new: Sequence[yamltext.Document],
    outcomes: Mapping[int, Outcome],
    elsewhere: Elsewhere,
) -> list[tuple[yamltext.Document, yamltext.Document]]:
    """The documents, as they were and as they are, that are not proved elsewhere."""
    fixed = {index for index, outcome in outcomes.items() if outcome.text is not None}
    return [
        (before, after)
        for before, after in zip(old, new, strict=True)
        if not is_covered(result.before, before.span.start, elsewhere.chart)
        if elsewhere.built.text is None or before.index in fixed
    ]
