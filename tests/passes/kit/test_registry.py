"""Passes register themselves: by code, after those that they name, and no name twice."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rewriter.cilium.policy import read_policy
from rewriter.cilium.version import BARE_ADDRESS_REJECTED
from rewriter.evidence.context import Context
from rewriter.finding import Finding
from rewriter.passes import PASSES
from rewriter.passes.bare_address import find as bare_address
from rewriter.passes.kit.registry import Pass, RegistryError, antipattern, in_order
from rewriter.passes.rejected import OTHERS
from rewriter.passes.upgrade_change import find as upgrade_change
from tests.passes.policies import cnp


def make(code: str, name: str, *after: str) -> Pass:
    @antipattern(code=code, id=name, title=name, after=after)
    def find(context: Context) -> Iterator[Finding]:
        yield from ()

    return find


def test_every_module_of_the_package_that_holds_a_pass_is_found() -> None:
    assert {"mixed-peers", "missing-namespace", "subject-namespace"} <= {each.id for each in PASSES}


def test_passes_run_by_code_but_after_those_that_they_name() -> None:
    passes = in_order([make("CNP003", "c"), make("CNP001", "a", "c"), make("CNP002", "b")])
    assert [each.id for each in passes] == ["c", "a", "b"]


@pytest.mark.parametrize(
    ("passes", "what"),
    [
        ([make("CNP001", "a"), make("CNP001", "b")], "CNP001 is the name of two passes"),
        ([make("CNP001", "a"), make("CNP002", "a")], "a is the name of two passes"),
        ([make("CNP001", "a", "b")], "a runs after b, which is not a pass"),
        ([make("CNP001", "a", "b"), make("CNP002", "b", "a")], "wait for each other"),
    ],
)
def test_names_used_twice_and_orders_that_cannot_be_are_refused(passes: list[Pass], what: str) -> None:
    with pytest.raises(RegistryError, match=what):
        in_order(passes)


def test_every_pass_that_says_what_a_release_takes_is_asked_for_it() -> None:
    """What `rejected` does not ask for, it reports a second time."""
    assert {each.id for each in OTHERS} == {each.id for each in PASSES if each.repairs is not None}


def test_a_policy_is_set_right_by_the_pass_that_reports_it_alone() -> None:
    policy = read_policy(cnp("ingress: [{fromCIDR: [192.0.2.1, 192.0.2.0/24]}, {fromCIDR: []}]"))
    target = BARE_ADDRESS_REJECTED
    assert upgrade_change.set_right(policy, target) is policy
    rules = bare_address.set_right(policy, target).specs[0].rules
    assert [field.entries for rule in rules for field in rule.peers] == [("192.0.2.1/32", "192.0.2.0/24"), ()]
