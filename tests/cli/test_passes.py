"""`cnpfix passes` and `cnpfix explain`."""

from __future__ import annotations

import json

import pytest

from rewriter.passes import PASSES
from rewriter.passes.kit.registry import Pass
from tests.cli.support import cnpfix


def test_the_table_has_every_pass_in_the_order_of_the_codes() -> None:
    ran = cnpfix("passes")
    assert ran.code == 0
    assert [line.split()[0] for line in ran.out.splitlines() if line.startswith("CNP")] == sorted(
        each.code for each in PASSES
    )
    assert max(map(len, ran.out.splitlines())) <= 80
    assert "upgrades across 1.19" in ran.out


def test_json_says_what_the_table_says() -> None:
    rows = json.loads(cnpfix("passes", "--format", "json").out)
    assert [row["id"] for row in rows] == [each.id for each in sorted(PASSES, key=lambda each: each.code)]
    requires = next(row for row in rows if row["id"] == "requires")
    assert (requires["code"], requires["change"], requires["crossing"]) == ("CNP007", "1.19", False)
    assert requires["applicabilities"] == ["safe", "evident", "unsafe", "manual"]


@pytest.mark.parametrize(
    ("arguments", "present", "absent"),
    [
        (("--to", "1.18"), ("CNP001", "CNP011"), ("CNP007", "CNP008", "CNP009", "CNP010", "CNP012")),
        (("--from", "1.18", "--to", "1.19"), ("CNP007", "CNP008", "CNP012"), ("CNP009", "CNP010")),
        (("--from", "1.19", "--to", "1.20"), ("CNP007", "CNP009", "CNP010", "CNP012"), ("CNP008",)),
        (("--from", "1.15", "--to", "1.20"), tuple(each.code for each in PASSES), ()),
    ],
)
def test_only_what_an_upgrade_concerns(
    arguments: tuple[str, ...], present: tuple[str, ...], absent: tuple[str, ...]
) -> None:
    shown = {row["code"] for row in json.loads(cnpfix("passes", "--format", "json", *arguments).out)}
    assert set(present) <= shown
    assert not set(absent) & shown


@pytest.mark.parametrize("arguments", [("--from", "1.20", "--to", "1.19"), ("--to", "2.0")])
def test_an_upgrade_that_cannot_be(arguments: tuple[str, ...]) -> None:
    ran = cnpfix("passes", *arguments)
    assert ran.code == 2
    assert ran.out == ""
    assert len(ran.err.splitlines()) == 1


@pytest.mark.parametrize("each", PASSES, ids=lambda each: each.id)
def test_every_pass_is_explained_by_id_and_by_code(each: Pass) -> None:
    for name in (each.id, each.code, each.code.lower()):
        ran = cnpfix("explain", name)
        assert ran.code == 0
        for heading in ("What it does", "Why it matters", "Versions", "Fix safety", "References"):
            assert heading in ran.out.splitlines(), heading


def test_explain_shows_a_golden_case_before_and_after() -> None:
    lines = cnpfix("explain", "mixed-peers").out.splitlines()
    assert "Before and after (--from 1.18 --to 1.19)" in lines
    assert "    +  - fromCIDR:" in lines
    assert "    -    fromCIDR:" in lines


def test_colour_marks_the_difference() -> None:
    assert "\x1b[32m+  - fromCIDR:" in cnpfix("explain", "mixed-peers", "--color", "always").out
    assert "\x1b" not in cnpfix("explain", "mixed-peers", "--color", "never").out


@pytest.mark.parametrize(
    ("name", "nearest"), [("mixed-peer", "mixed-peers"), ("CNP_007", "CNP007"), ("require", "requires")]
)
def test_an_unknown_name_gets_the_nearest(name: str, nearest: str) -> None:
    ran = cnpfix("explain", name)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == f"cnpfix: explain {name}: no such pass; did you mean {nearest!r}?\n"
