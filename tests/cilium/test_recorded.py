"""The engine and the validation agree with the recorded answers, flow by flow."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from rewriter.cilium.cases import answer_case
from rewriter.cilium.validation import rejection
from rewriter.cilium.version import parse_version
from tests.cilium.vectors import (
    recorded,
    rests_on_map_order,
    second_verdict_cases,
    selected_validation_entries,
    selected_verdict_cases,
)

RELEASES = ("1.19", "1.20")
#: The flows on 1.19 in which cnpfix and the recorded answers differ: a list of faults, which must not grow.
KNOWN = {
    ("1.19", "h3-277", ("host", "init", "udp", 53)),
    ("1.19", "h3-1828", ("cluster-a/prod/dns1", "cidr:2001:db8::/32", "tcp", 80)),
}


def differences(cases: Iterable[dict[str, Any]], version: str) -> list[object]:
    found: list[object] = []
    for case in cases:
        if rests_on_map_order(case["policies"]):
            continue
        accepted, flows = recorded(case, version)
        answer = answer_case(case, parse_version(version))
        if [entry["accepted"] for entry in answer["policies"]] != accepted:
            found.append((case["id"], "accepted"))
        found += [
            (case["id"], case["flows"][i])
            for i, verdicts in flows.items()
            if answer["flows"][i] != verdicts and (version, case["id"], tuple(case["flows"][i][:4])) not in KNOWN
        ]
    return found


@pytest.mark.parametrize("version", RELEASES)
def test_agrees_with_the_selection(version: str) -> None:
    cases = selected_verdict_cases()
    assert len(cases) > 500
    assert differences(cases, version) == []


@pytest.mark.parametrize("version", RELEASES)
def test_agrees_with_every_case_of_a_feature(version: str) -> None:
    assert differences(second_verdict_cases(), version) == []


def test_validation_agrees_with_the_selection() -> None:
    entries = selected_validation_entries()
    assert len(entries) > 200
    wrong = [
        (entry["name"], text)
        for entry in entries
        for text, accepted in entry["accepted"].items()
        if (rejection(entry["manifest"], parse_version(text)) is None) != accepted
    ]
    assert wrong == []
