"""The bot run three times while the base moves: one request, with the right three states, on every forge."""

from __future__ import annotations

import pytest

from tests.bot.conftest import FILES, Lab, policy
from tests.bot.forges import PROJECT
from tests.bot.server import change, git

BRANCH = "cnpfix/1.19"
FIXED_LINES = "            - key: io.cilium.k8s.policy.cluster\n              operator: In\n"


@pytest.mark.parametrize("lab", ["github", "gitlab", "gitea", "forgejo"], indirect=True)
def test_one_request_is_opened_rebuilt_and_closed(lab: Lab) -> None:
    first = lab.bot()
    assert (first.code, first.err) == (0, "")
    request = lab.api.request(BRANCH)
    assert f"{PROJECT}" in first.out
    assert "cluster-entity" in request.body
    assert FIXED_LINES in lab.shown(BRANCH, "shop/api.yaml")
    assert git(lab.bare, "rev-list", "--count", f"main..{BRANCH}") == "1"

    base = change(lab.person, {"prod/db.yaml": policy("db", "prod")}, "Add a policy")
    second = lab.bot()
    assert "updated" in second.out
    assert lab.api.request(BRANCH).number == request.number
    assert "prod/db" in lab.api.request(BRANCH).body
    assert git(lab.bare, "rev-parse", f"{BRANCH}^") == base, "rebuilt on the new base"
    assert FIXED_LINES in lab.shown(BRANCH, "prod/db.yaml")

    change(lab.person, {"prod/db.yaml": None, "shop/api.yaml": None}, "Remove them")
    third = lab.bot()
    assert "closed" in third.out
    (only,) = lab.api.requests
    assert only.state == "closed"
    (note,) = only.comments
    assert "Nothing is left to fix" in note
    assert lab.head(BRANCH) is None

    assert "Nothing to fix" in lab.bot().out
    change(lab.person, {"shop/api.yaml": FILES["shop/api.yaml"]}, "And back")
    assert "opened" in lab.bot().out, "what the bot closed itself it may open anew"
    assert [each.state for each in lab.api.requests] == ["closed", "open"]


def test_a_second_run_changes_nothing_at_all(lab: Lab) -> None:
    lab.bot("--label", "network")
    head = lab.head(BRANCH)
    lab.server.calls.clear()
    again = lab.bot("--label", "network")
    assert "unchanged" in again.out
    assert lab.head(BRANCH) == head
    assert {call.method for call in lab.server.calls} == {"GET"}
