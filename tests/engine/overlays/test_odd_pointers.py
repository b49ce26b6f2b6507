"""Patches whose pointers no list can follow: an error of their own, and the policy is judged all the same."""

from __future__ import annotations

import pytest

from tests.engine.charts.support import STAR, Repository
from tests.engine.overlays.test_overlays import PLAIN, inline, treat


@pytest.mark.parametrize("token", ["\u00b2", "\u0661", "9" * 5000])
def test_a_position_that_is_no_number_ends_nothing(repository: Repository, token: str) -> None:
    overlay = inline(f"- op: add\n  path: /spec/ingress/{token}\n  value: {{}}\n")
    treated = treat(repository, {"base/policy.yaml": PLAIN + STAR, "top/kustomization.yaml": overlay})
    assert treated.errors == []
    assert [each["fixed"] for each in treated.of("fqdn-double-star")] == [False]
