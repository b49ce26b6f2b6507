"""Findings on real manifests, each read by a person against its repository; one line says why it is right.

`corpus_findings/` has every one of three upgrades, `corpus_errors/alone.toml` their errors with the messages.

`corpus_errors/mesh.toml` has a sample of those that a mesh of two clusters adds to `implicit-cluster` (see
`corpus_errors/mesh.py`). A policy of which a repository keeps copies counts once. The deny rules are in the list, and
82 of the others: those whose file, document and route have the lowest SHA-256, which nobody chose.

A new error, or one that moves or says something else, must be read before it is written down here. Where it is wrong,
mend the pass. Files in another order, or a pass that finds more, draw another sample.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.cli.support import cnpfix
from tests.corpus_errors.mesh import SNAPSHOT, with_mesh
from tests.corpus_findings.reviewed import RIGHT, WRONG, reviewed

CORPUS = Path(__file__).parents[2] / "shared" / "corpus"
LISTS = Path(__file__).parent / "corpus_errors"
REPOSITORIES = sorted(CORPUS.glob("*/*")) if CORPUS.is_dir() else []
RELEASES = ("1.15", "1.16", "1.17", "1.18", "1.19", "1.20")
UPGRADES = [("1.15", "1.20"), ("1.18", "1.19"), ("1.19", "1.20")]
#: The upgrade of the sample of a mesh.
READ = ("1.18", "1.19")
#: At most one note for as many policies: more is noise.
POLICIES_PER_NOTE = 20
SAMPLE = 82
#: Errors of the mesh on the way to 1.19, copies of a policy once. One more or less must be read.
POPULATION = {"CNP006": 273}

ALONE, MESH = (tomllib.loads((LISTS / name).read_text())["finding"] for name in ("alone.toml", "mesh.toml"))

needs_corpus = pytest.mark.skipif(not REPOSITORIES, reason="no corpus of real manifests in ../shared/corpus")


def _report(source: str, target: str, *arguments: str) -> dict[str, Any]:
    """The report on the working folder."""
    report: dict[str, Any] = json.loads(
        cnpfix("--format", "json", "-j", "1", "--from", source, "--to", target, *arguments, ".").out
    )
    assert report["errors"] == []
    return report


def _errors(repository: Path, report: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The errors of a report, their files as paths from the corpus."""
    for finding in report["findings"]:
        if finding["severity"] == "error":
            yield {**finding, "file": f"{repository.relative_to(CORPUS)}/{finding['file']}"}


def _told(finding: dict[str, Any]) -> tuple[str, int, str, str]:
    return finding["file"], finding["line"], finding["code"], finding["message"]


def _expected(reviewed: list[dict[str, Any]], source: str, target: str) -> set[tuple[str, int, str, str]]:
    """What the list says of an upgrade."""
    return {
        _told({**entry, "message": entry["message"].replace("<from>", source).replace("<to>", target)})
        for entry in reviewed
        if entry.get("from_since", "0") <= source < entry.get("from_before", "9")
        and target >= entry.get("to_since", "0")
    }


@needs_corpus
@pytest.mark.parametrize("upgrade", UPGRADES, ids="-".join)
def test_every_error_was_reviewed(upgrade: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    found = set()
    reports = {}
    for repository in REPOSITORIES:
        monkeypatch.chdir(repository)
        reports[repository.name] = report = _report(*upgrade)
        found |= {_told(finding) for finding in _errors(repository, report)}
    expected = _expected(ALONE, *upgrade)
    assert found - expected == set(), "read these, then add them with a reason or mend the pass"
    assert expected - found == set(), "these are no longer found"
    _check_every_finding(reports)


def _check_every_finding(reports: dict[str, dict[str, Any]]) -> None:
    """Every finding was read and is right, and notes are few. What other parts no longer report may stay listed."""
    right = {(each.repository, each.file, each.line, each.id) for each in reviewed() if each.verdict == RIGHT}
    found = [(name, finding) for name, report in reports.items() for finding in report["findings"]]
    places = {(name, finding["file"], finding["line"], finding["id"]) for name, finding in found}
    assert places - right == set(), "read these, then add them as right, or mend the pass"
    notes = sum(finding["severity"] == "note" for _, finding in found)
    policies = sum(report["summary"]["policies"] for report in reports.values())
    assert notes * POLICIES_PER_NOTE <= policies


def test_what_was_reviewed_has_a_verdict_and_a_reason() -> None:
    lines = list(reviewed())
    assert len({(each.repository, each.file, each.line, each.id) for each in lines}) == len(lines) > 60
    assert all(each.verdict in (RIGHT, WRONG) and each.reason for each in lines)
    assert sum(each.verdict == RIGHT for each in lines) >= 0.9 * len(lines)


@needs_corpus
@pytest.mark.skipif(not os.environ.get("CNPFIX_CORPUS"), reason="takes long: make corpus")
def test_a_sample_of_the_errors_in_a_mesh_was_reviewed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[dict[str, Any]] = []
    for repository in REPOSITORIES:
        folder = tmp_path / repository.name
        with_mesh(repository, folder)
        monkeypatch.chdir(folder)
        # The snapshot is made up: it tells where the pods of a mesh are, and nothing else of the repository.
        report = _report(*READ, "--inventory", SNAPSHOT, "--select", "implicit-cluster")
        found += _errors(repository, report)
    population = list(_without_copies(found))
    assert {_told(finding) for finding in _sample(population)} == _expected(MESH, "1.18", "1.19")
    assert Counter(finding["code"] for finding in population) == POPULATION


def _without_copies(findings: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The findings without those that say the same of another copy of a policy in the repository."""
    seen = set()
    for finding in sorted(findings, key=_place):
        policy = (finding["kind"], finding["namespace"], finding["name"])
        inner = finding["route"].partition("/spec")[2]
        repository = "/".join(finding["file"].split("/")[:2])
        same = (repository, *policy, inner, finding["code"], finding["message"])
        if same not in seen:
            seen.add(same)
            yield finding


def _place(finding: dict[str, Any]) -> tuple[str, int, str]:
    return finding["file"], finding["document"], finding["route"]


def _sample(findings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All deny rules, and of the others those with the lowest digest of their place."""
    deny = [finding for finding in findings if "Deny/" in finding["route"]]
    allow = [finding for finding in findings if finding not in deny]
    allow.sort(key=lambda finding: sha256(" ".join(map(str, _place(finding))).encode()).digest())
    return deny + allow[:SAMPLE]


@needs_corpus
def test_what_validate_rejects_is_what_the_reviewed_errors_say(monkeypatch: pytest.MonkeyPatch) -> None:
    rejected = {}
    for repository in REPOSITORIES:
        monkeypatch.chdir(repository)
        for policy in json.loads(cnpfix("validate", "--format", "json", "--versions", ",".join(RELEASES), ".").out):
            releases = [release for release, accepted in policy["accepted"].items() if not accepted]
            if releases:
                rejected[f"{repository.relative_to(CORPUS)}/{policy['file']}"] = releases
    # Switched on by an upgrade from 1.15, which knows no names of ICMP types and no CIDR groups on egress: warnings.
    only_old = {file for file, releases in rejected.items() if releases == ["1.15"]}
    assert all("cidrGroup" in (CORPUS / file).read_text() for file in only_old)
    # 1.16 alone takes no HTTP rules on a range of ports.
    ranges = {file for file, releases in rejected.items() if releases == ["1.16"]}
    assert all("endPort" in (CORPUS / file).read_text() for file in ranges)
    rejected = {file: releases for file, releases in rejected.items() if file not in only_old | ranges}
    # Of a policy with a variable of Flux in it, validate gives no verdict.
    unjudged = {entry["file"] for entry in ALONE if entry["file"].startswith("gitops/JJGadgets+Biohazard/")}
    assert rejected == {
        entry["file"]: [release for release in RELEASES if release < entry.get("from_before", "9")]
        for entry in ALONE
        if entry["code"] in ("CNP001", "CNP002", "CNP014", "CNP010", "CNP007")
        and "from_since" not in entry
        and entry["file"] not in unjudged
    }


def test_more_than_a_hundred_were_reviewed_and_each_has_a_reason_of_its_own() -> None:
    reviewed = [*ALONE, *MESH]
    assert len({(entry["file"], entry["line"], entry["code"]) for entry in reviewed}) > 100
    assert len({entry["reason"] for entry in reviewed}) == len(reviewed)
