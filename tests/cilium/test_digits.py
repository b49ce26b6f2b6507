"""What is read as a number: never what Python then refuses to read."""

from __future__ import annotations

import pytest

from rewriter.cilium.digits import is_number
from rewriter.cilium.version import parse_version


@pytest.mark.parametrize("text", ["0", "007", "65536", "9" * 18])
def test_decimal_digits_are_a_number(text: str) -> None:
    assert is_number(text)
    assert int(text) >= 0


@pytest.mark.parametrize("text", ["", "-1", "+1", "1.0", " 1", "1_0", "0x1", "\u00b2", "\u0663", "9" * 19, "9" * 5000])
def test_nothing_else_is(text: str) -> None:
    assert not is_number(text)


@pytest.mark.parametrize("text", ["1.\u00b2", "\u0661.19", f"1.{'9' * 5000}"])
def test_a_release_has_numbers(text: str) -> None:
    with pytest.raises(ValueError, match="use one of"):
        parse_version(text)
