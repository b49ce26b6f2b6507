"""A finding that holds for the whole run is reported at its first place, with the other places as evidence."""

from __future__ import annotations

from rewriter.engine.results.once import reported_once
from rewriter.engine.results.result import Location, Reported
from rewriter.finding import Applicability, Finding, Severity


def reported(file: str, line: int, once: str = "", name: str = "internal-cidr") -> Reported:
    finding = Finding(Severity.NOTE, Applicability.MANUAL, "/spec", file, evidence=("known",), once=once, id=name)
    return Reported(finding, Location(file, line, 1, line, 9))


def test_findings_of_one_matter_are_one() -> None:
    found = [
        reported("a.yaml", 3, "pods"),
        reported("b.yaml", 1),
        reported("b.yaml", 2, "pods"),
        reported("c.yaml", 7, "pods", "another-pass"),
        reported("d.yaml", 4, "pods"),
        reported("e.yaml", 4, "nodes"),
    ]
    kept = reported_once(found)
    assert [each.location.file for each in kept] == ["a.yaml", "b.yaml", "c.yaml", "e.yaml"]
    assert kept[0].finding.evidence == ("known", "the same at b.yaml:2, d.yaml:4")
    assert [each.finding.evidence for each in kept[1:]] == [("known",)] * 3


def test_many_places_are_counted() -> None:
    [kept] = reported_once([reported("a.yaml", line, "pods") for line in range(1, 21)])
    assert kept.finding.evidence[-1].endswith("and 10 more places")
    [kept] = reported_once([reported("a.yaml", line, "pods") for line in range(1, 12)])
    assert kept.finding.evidence[-1].endswith("and 1 more place")
