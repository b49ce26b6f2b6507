"""Each pass has golden cases enough, and as many that it must leave alone as it finds something in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rewriter.passes import PASSES
from rewriter.passes.kit.registry import Pass

GOLDEN = Path(__file__).parents[2] / "golden"
FEWEST = 8


def _silent(group: str) -> list[bool]:
    """Whether nothing is found, for each case of a group."""
    return [not json.loads(each.read_text()) for each in sorted((GOLDEN / group).glob("*/findings.json"))]


def _look_alikes(id_: str) -> list[Path]:
    return [each for each in sorted((GOLDEN / "noop").iterdir()) if each.name.startswith(f"{id_}-")]


@pytest.mark.parametrize("pass_", PASSES, ids=[each.id for each in PASSES])
def test_a_pass_finds_nothing_in_its_look_alikes(pass_: Pass) -> None:
    found = [
        each.name
        for each in _look_alikes(pass_.id)
        if any(finding["code"] == pass_.code for finding in json.loads((each / "findings.json").read_text()))
    ]
    assert not found, "what a pass finds is no look-alike: it goes to `golden/<id>/`"


@pytest.mark.parametrize("id_", sorted(each.id for each in PASSES))
def test_a_pass_is_tried_on_as_much_that_is_right_as_on_what_is_wrong(id_: str) -> None:
    own = _silent(id_)
    finds, silent = own.count(False), own.count(True) + len(_look_alikes(id_))
    assert finds > 0
    assert finds + silent >= FEWEST, "a pass has eight cases or more, its look-alikes included"
    assert silent >= finds, "its look-alikes are `golden/noop/<id>-<what>`"
