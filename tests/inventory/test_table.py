"""Real repositories: nearly every policy's namespace is known, and every one that is known is right."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.inventory.table import CORPUS, Row, render, rows

GOLDEN = Path(__file__).with_name("namespaces.tsv")


@pytest.fixture(scope="module")
def table() -> list[Row]:
    if not CORPUS.is_dir():
        pytest.skip("no corpus of real repositories in ../shared/corpus")
    return rows()


def test_nearly_every_policy_gets_its_namespace(table: list[Row]) -> None:
    print(render(table))
    assert {row.repository: row.share >= 0.94 for row in table} == {row.repository: True for row in table}
    assert sum(row.policies for row in table) == 287, "every policy of the corpus that is no archive is looked at"


def test_every_miss_has_a_reason(table: list[Row]) -> None:
    for row in table:
        assert len(row.misses) == row.unknown + row.unapplied + row.services - row.resolved_services
        assert all(miss.count(": ") >= 2 for miss in row.misses)


def test_the_namespaces_checked_by_hand(table: list[Row]) -> None:
    """The golden file: repository, place, namespace (`-`: not to be known), and why a reader says so."""
    told = {(row.repository, place): namespace for row in table for place, namespace in row.resolved.items()}
    checked = [line.split("\t") for line in GOLDEN.read_text().splitlines()]
    assert len(checked) >= 40
    wrong = {
        (repository, place): (told.get((repository, place), "-"), namespace)
        for repository, place, namespace, _why in checked
        if told.get((repository, place), "-") != namespace
    }
    assert not wrong, "found, expected"
