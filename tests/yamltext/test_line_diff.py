"""Opcodes give the second text from the first, whatever both have in common, and do not take the square of it."""

from __future__ import annotations

from random import Random

import pytest

from rewriter.yamltext import opcodes


@pytest.mark.parametrize("seed", range(50))
def test_they_make_the_second_text_of_the_first(seed: int) -> None:
    random = Random(seed)
    before = [random.choice("abc") for _ in range(random.randrange(12))]
    after = [*before[: random.randrange(12)], *random.choices("abcd", k=random.randrange(3)), *before[3:]]
    made: list[str] = []
    position = 0
    for tag, start, end, new_start, new_end in opcodes(before, after):
        assert start == position and new_start == len(made)
        made += before[start:end] if tag == "equal" else after[new_start:new_end]
        position = end
    assert made == after and position == len(before)


def test_a_line_among_thousands_of_the_same() -> None:
    before = ["a", *["# reserved"] * 20_000]
    found = [code for code in opcodes(before, ["a", "b", *before[1:]]) if code[0] != "equal"]
    assert found == [("insert", 1, 1, 1, 2)]
