"""Real repositories: the subject and the peers of most policies are known workloads."""

from __future__ import annotations

import pytest

from tests.inventory.facts_table import Row, rows, shown, total
from tests.inventory.table import CORPUS


@pytest.fixture(scope="module")
def table() -> list[Row]:
    if not CORPUS.is_dir():
        pytest.skip("no corpus of real repositories in ../shared/corpus")
    return rows("never")


def test_most_policies_have_known_subjects_and_peers(table: list[Row]) -> None:
    print(shown(table))
    whole = total(table)
    assert whole.share >= 0.7
    assert whole.subjects >= 0.8 * whole.policies
    assert min(row.share for row in table) >= 0.5


def test_most_releases_are_known(table: list[Row]) -> None:
    whole = total(table)
    assert whole.known_releases >= 0.75 * whole.releases


def test_every_policy_that_is_not_resolved_has_a_reason(table: list[Row]) -> None:
    assert all(bool(row.missing) == (row.resolved < row.policies) for row in table)
