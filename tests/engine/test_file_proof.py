"""The proofs over a whole file stand behind those of its documents: they refuse what an edit should never make."""

from __future__ import annotations

from typing import Any

import pytest

from rewriter.engine.charts.treat import ChartOutcome
from rewriter.engine.documents.templates import read_documents
from rewriter.engine.overlays.treat import OverlayOutcome
from rewriter.engine.pipeline.hooks import Outcome
from rewriter.engine.proofs.manifest import ProofError
from rewriter.engine.results.result import Change, FileResult
from rewriter.engine.run.file_proof import Elsewhere, prove_file

TEXT = "a: 1 # one\n---\nb: 2 # two\n"
_ELSEWHERE = Elsewhere(ChartOutcome(), OverlayOutcome())


def _no_second_run(_silences: Any) -> Any:
    raise AssertionError("nothing is run again where the file is refused")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ((Change(0, 10, "a: 3"),), "# one"),
        ((Change(0, 10, "a: ["),), "does not parse"),
        ((Change(0, 10, "a: 1 # one\n---\nc: 3"),), "the number of documents would change"),
        ((Change(0, 10, "a: 3 # one"), Change(5, 9, "x")), "change the same lines"),
    ],
)
def test_what_an_edit_should_never_make_is_refused(changes: tuple[Change, ...], why: str) -> None:
    result = FileResult("p.yaml", TEXT, changes)
    outcomes = {index: Outcome(text="changed") for index in range(2)}
    with pytest.raises(ProofError, match=why):
        prove_file(result, read_documents(TEXT), outcomes, _ELSEWHERE, _no_second_run)
