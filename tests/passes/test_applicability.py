"""Decision tables: the first row that holds decides, whatever the rows below it hold."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rewriter.passes import PASSES
from rewriter.passes.kit.changes.applicability import EVIDENT, MANUAL, OTHERWISE, SAFE, UNSAFE, decided
from rewriter.passes.kit.registry import Pass

GOLDEN = Path(__file__).parents[2] / "golden"


def test_the_first_row_that_holds_decides() -> None:
    assert decided((False, MANUAL), ("a gap", UNSAFE), (True, SAFE), (OTHERWISE, EVIDENT)) is UNSAFE


def test_without_a_row_that_holds_the_last_one_decides() -> None:
    assert decided(((), MANUAL), ("", UNSAFE), (None, SAFE), (OTHERWISE, EVIDENT)) is EVIDENT


def test_a_table_that_leaves_a_case_open_is_a_mistake_of_its_author() -> None:
    with pytest.raises(ValueError, match="needs a last row with OTHERWISE"):
        decided((False, MANUAL))


@pytest.mark.parametrize("each", [each for each in PASSES if each.guesses], ids=lambda each: each.id)
def test_passes_that_guess_mend_nothing_by_themselves(each: Pass) -> None:
    """A run for fixes alone leaves them out."""
    found = [
        finding["applicability"]
        for path in GOLDEN.glob(f"{each.id}/*/findings.json")
        for finding in json.loads(path.read_text())
        if finding["code"] == each.code
    ]
    assert found
    assert set(found) <= {"unsafe", "manual"}
