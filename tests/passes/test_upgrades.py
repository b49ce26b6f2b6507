"""Every form of manifest that the engine was asked about, for every upgrade: found when the upgrade changes it, with
the right line, and not when it does not.

The answers are the engine's own (`validation.json`), the lines were read by a person.
"""

from __future__ import annotations

import json
from collections import defaultdict
from itertools import combinations_with_replacement
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from rewriter.cilium.version import SUPPORTED, Version, parse_version
from tests.cli.support import cnpfix

VECTORS = Path(__file__).parent.parent.parent.parent / "shared" / "vectors" / "validation.json"
CASES: list[dict[str, Any]] = json.loads(VECTORS.read_text()) if VECTORS.exists() else []
UPGRADES = list(combinations_with_replacement(SUPPORTED, 2))
#: Passes that speak of policies which a release rejects.
REJECTING = {"CNP001", "CNP002", "CNP007", "CNP010", "CNP011", "CNP014"}
#: Passes that speak of a change of meaning.
CHANGING = {"CNP008", "CNP009", "CNP012"}


class Culprit(NamedTuple):
    """Who finds a form, and the line that the finding stands on."""

    code: str
    line: str


#: The forms that a release accepts and another rejects.
ACCEPTANCE = {
    "no-rules": Culprit("CNP011", "spec:"),
    "empty-ingress-list": Culprit("CNP011", "ingress: []"),
    "egress null": Culprit("CNP011", "egress: null"),
    "toServices+toPorts": Culprit("CNP002", "- toServices:"),
    "bare ip": Culprit("CNP010", "- 198.51.100.7"),
    "bare ipv6": Culprit("CNP010", "- fd00::1"),
    "fromRequires": Culprit("CNP007", "- fromRequires:"),
    "fromRequires+endpoints": Culprit("CNP007", "- fromRequires:"),
    "toRequires": Culprit("CNP007", "- toRequires:"),
    "proto VRRP": Culprit("CNP014", "protocol: VRRP"),
    "proto GRE": Culprit("CNP014", "protocol: GRE"),
    "icmps name": Culprit("CNP014", "- type: EchoRequest"),
    "entity cluster-mesh": Culprit("CNP014", "- cluster-mesh"),
    "except wider than cidr": Culprit("CNP014", "- 10.0.0.0/8"),
    "two l7 kinds": Culprit("CNP009", "kafka:"),
    "l7 without l7proto": Culprit("CNP009", "l7:"),
    "entities+cidr deny": Culprit("CNP001", "toCIDR:"),
    "cidr with zone": Culprit("CNP014", "- fe80::1%eth0/64"),
}
#: The forms that mean something else from a release on.
MEANING = {
    "fqdn doublestar": (Version(1, 19), Culprit("CNP008", "- matchPattern: '**.a.com'")),
    "fqdn tripstar": (Version(1, 19), Culprit("CNP008", "- matchPattern: '***.a.com'")),
    "kafka": (Version(1, 20), Culprit("CNP009", "kafka:")),
    "l7proto": (Version(1, 20), Culprit("CNP009", "l7proto: r2d2")),
}


def test_the_vectors_are_there() -> None:
    if not CASES:
        pytest.skip("no vectors in ../shared/vectors")


def test_every_form_that_changes_is_in_the_table() -> None:
    changing = {case["name"] for case in CASES if len(set(case["accepted"].values())) > 1}
    assert changing == (set(ACCEPTANCE) if CASES else set())


@pytest.mark.parametrize("upgrade", UPGRADES, ids=lambda pair: f"{pair[0]}-{pair[1]}")
def test_an_upgrade_finds_what_it_changes_and_nothing_else(
    upgrade: tuple[Version, Version], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = _write(tmp_path / "policies.yaml")
    found = _findings(upgrade)
    problems = []
    for index, case in enumerate(CASES):
        findings = [
            item for item in found[index] if item["code"] in REJECTING | CHANGING and item["severity"] != "note"
        ]
        problems += [
            f"{case['name']}: {problem}"
            for problem in _problems(case, upgrade, findings, [lines[item["line"] - 1] for item in findings])
        ]
    assert not problems, "\n".join(problems)


def _write(file: Path) -> list[str]:
    """All forms in one file, a document each; returns its lines without indentation."""
    documents = [yaml.safe_dump(case["manifest"], sort_keys=False, width=1000) for case in CASES]
    file.write_text("---\n".join(documents))
    return [line.strip() for line in file.read_text().splitlines()]


def _findings(upgrade: tuple[Version, Version]) -> dict[int, list[dict[str, Any]]]:
    source, target = upgrade
    ran = cnpfix("--from", str(source), "--to", str(target), "--format", "json", "policies.yaml")
    by_document: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for item in json.loads(ran.out)["findings"]:
        by_document[item["document"]].append(item)
    return by_document


def _problems(
    case: dict[str, Any], upgrade: tuple[Version, Version], findings: list[dict[str, Any]], lines: list[str]
) -> list[str]:
    """What is wrong with the findings of one form."""
    said = [f"{item['code']} {line}: {item['message']}" for item, line in zip(findings, lines, strict=True)]
    accepted = {parse_version(text): answer for text, answer in case["accepted"].items()}
    before, after = accepted.get(upgrade[0]), accepted.get(upgrade[1])
    expected: set[Culprit] = set()
    name = case["name"]
    if before is not None and after is not None and before != after:
        expected = {ACCEPTANCE[name]}
    elif name in MEANING and upgrade[0] < MEANING[name][0] <= upgrade[1]:
        expected = {MEANING[name][1]}
    elif before is False and after is False:
        return [f"not one finding that it is not enforced: {said}"] if len(findings) > 1 else []
    elif None in (before, after):
        return []
    got = [Culprit(item["code"], line) for item, line in zip(findings, lines, strict=True)]
    if sorted(got) != sorted(expected):
        return [f"expected {sorted(expected)}, found {said}"]
    return []
