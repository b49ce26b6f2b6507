"""Decision tables: the first row that holds decides, whatever the rows below it hold."""

from __future__ import annotations

import pytest

from rewriter.passes.kit.changes.applicability import EVIDENT, MANUAL, OTHERWISE, SAFE, UNSAFE, decided


def test_the_first_row_that_holds_decides() -> None:
    assert decided((False, MANUAL), ("a gap", UNSAFE), (True, SAFE), (OTHERWISE, EVIDENT)) is UNSAFE


def test_without_a_row_that_holds_the_last_one_decides() -> None:
    assert decided(((), MANUAL), ("", UNSAFE), (None, SAFE), (OTHERWISE, EVIDENT)) is EVIDENT


def test_a_table_that_leaves_a_case_open_is_a_mistake_of_its_author() -> None:
    with pytest.raises(ValueError, match="needs a last row with OTHERWISE"):
        decided((False, MANUAL))
