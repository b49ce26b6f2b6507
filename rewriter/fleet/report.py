"""What a fleet's run came to: by repository, pass and severity; as text, JSON and one page."""

from __future__ import annotations

import html
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rewriter.fleet.ledger import DONE, EMPTY, FAILED, HELD, Entry
from rewriter.fleet.repositories import FleetRepository
from rewriter.fleet.run import Places
from rewriter.fleet.steps import FACTS, FINDINGS, REQUESTS
from rewriter.records import dataclass

_SEVERITIES = ("error", "warning", "note")


@dataclass(frozen=True, slots=True)
class RepositoryResult:
    """A repository: `state` is done, failed, empty or `not reached`; `findings` are counts by severity and by pass.

    `fixes` are those that `--write` would apply; `request` says what became of the pull requests, or of failures.
    """

    name: str
    url: str
    base: str
    state: str
    policies: int
    severities: Mapping[str, int]
    passes: Mapping[str, int]
    clusters: Mapping[str, int]
    fixes: int
    request: str
    reason: str


def results(
    repositories: Sequence[FleetRepository], places: Places, known: Mapping[tuple[str, str], Entry]
) -> list[RepositoryResult]:
    """What is known of every repository, by the ledger and by the reports that its steps made."""
    return [_result(repository, places, known) for repository in repositories]


def _result(repository: FleetRepository, places: Places, known: Mapping[tuple[str, str], Entry]) -> RepositoryResult:
    facts, found, request = (known.get((repository.url, step)) for step in (FACTS, FINDINGS, REQUESTS))
    report = _report(places.findings(repository)) if found is not None and found.outcome == DONE else {}
    findings = report.get("findings", [])
    failed = next((entry for entry in (facts, found) if entry is not None and entry.outcome in (FAILED, EMPTY)), None)
    state = failed.outcome if failed else "done" if found is not None else "not reached"
    errors = [str(error.get("message", "")) for error in report.get("errors", [])]
    return RepositoryResult(
        name=repository.name,
        url=repository.url,
        base=facts.base if facts else "",
        state=state,
        policies=int(report.get("summary", {}).get("policies", 0)),
        severities=dict(Counter(str(finding["severity"]) for finding in findings)),
        passes=dict(Counter(f"{finding['code']} {finding['id']}" for finding in findings)),
        clusters=dict(Counter(str(finding.get("cluster") or "not named") for finding in findings)),
        fixes=int(report.get("summary", {}).get("fixed", 0)),
        request=f"{request.outcome}: {request.reason}" if request else "",
        reason=failed.reason if failed else "; ".join(errors)[:400],
    )


def _report(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def as_json(found: Sequence[RepositoryResult]) -> dict[str, Any]:
    """The report for programs, schema 1."""
    return {
        "schema": 1,
        "summary": {
            "repositories": len(found),
            "states": dict(Counter(result.state for result in found)),
            "policies": sum(result.policies for result in found),
            "findings": sum(sum(result.severities.values()) for result in found),
            "fixes": sum(result.fixes for result in found),
            "severities": dict(_sum(result.severities for result in found)),
            "passes": dict(_sum(result.passes for result in found)),
            "clusters": dict(_sum(result.clusters for result in found)),
        },
        "repositories": [asdict(result) for result in found],
    }


def as_lines(found: Sequence[RepositoryResult]) -> Iterator[str]:
    """The report for people, within 80 columns where names allow it: what failed first, then most findings first."""
    for result in found:
        if result.state in (FAILED, "not reached"):
            yield f"{result.name}: {result.state}{f': {result.reason}' if result.reason else ''}"
    ranked = sorted(
        (result for result in found if result.severities), key=lambda result: (-_total(result), result.name)
    )
    width = min(40, max((len(result.name) for result in ranked), default=0))
    for result in ranked:
        counts = ", ".join(f"{result.severities[name]} {name}" for name in _SEVERITIES if result.severities.get(name))
        fixes = f"; {result.fixes} to fix" if result.fixes else ""
        request = f"; requests {result.request}" if result.request else ""
        yield f"{result.name:<{width}}  {counts}{fixes}{request}"
    summary = as_json(found)["summary"]
    if ranked:
        yield ""
    yield from _totals(summary)
    held = sum(result.request.startswith(HELD) for result in found)
    if held:
        names = "1 repository waits" if held == 1 else f"{held} repositories wait"
        yield f"{names}: the limit of requests in an hour is reached"


def _totals(summary: Mapping[str, Any]) -> Iterator[str]:
    """What was read, and what was found, in two lines."""
    states = ", ".join(f"{number} {state}" for state, number in sorted(summary["states"].items()))
    read = _counted(summary["repositories"], "repository", "repositories")
    yield f"{read}{f' ({states})' if states else ''}, {_counted(summary['policies'], 'policy', 'policies')}"
    yield f"{_counted(summary['findings'], 'finding', 'findings')}, {summary['fixes']} to fix"


def _counted(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def as_page(found: Sequence[RepositoryResult]) -> str:
    """One page without scripts, which asks nothing of the network."""
    summary = as_json(found)["summary"]
    rows = "".join(_row(result) for result in sorted(found, key=lambda result: (-_total(result), result.name)))
    return _PAGE.format(
        summary=html.escape(", ".join(_totals(summary))),
        rows=rows,
        passes=_counts(summary["passes"]),
        clusters=_counts(summary["clusters"]),
    )


def _counts(counts: Mapping[str, int]) -> str:
    """Rows of a table, the largest number first."""
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return "".join(f"<tr><td>{html.escape(name)}</td><td>{count}</td></tr>" for name, count in ranked)


def _row(result: RepositoryResult) -> str:
    counts = "".join(f"<td>{result.severities.get(name) or ''}</td>" for name in _SEVERITIES)
    words = " · ".join(filter(None, (result.state if result.state != "done" else "", result.reason, result.request)))
    return (
        f'<tr><th scope="row">{html.escape(result.name)}</th><td>{result.policies}</td>{counts}'
        f"<td>{result.fixes or ''}</td><td>{html.escape(words)}</td></tr>"
    )


def _total(result: RepositoryResult) -> int:
    return sum(result.severities.values())


def _sum(counts: Iterable[Mapping[str, int]]) -> Counter[str]:
    found: Counter[str] = Counter()
    for count in counts:
        found.update(count)
    return found


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="color-scheme" content="light dark"><title>cnpfix: the fleet</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 76rem; margin: 0 auto; padding: 1rem; }}
table {{ border-collapse: collapse; width: 100%; }}
th, td {{ text-align: left; padding: 0.3rem 0.6rem; vertical-align: top; }}
td {{ font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }} tbody tr {{ border-top: 1px solid #8885; }}
th[scope=row] {{ font-weight: 600; overflow-wrap: anywhere; }}
</style></head><body><main>
<h1>Cilium network policies of the fleet</h1><p>{summary}</p>
<h2>Repositories</h2>
<table><thead><tr><th>repository</th><th>policies</th><th>errors</th><th>warnings</th><th>notes</th><th>to fix</th>
<th>state</th></tr></thead><tbody>{rows}</tbody></table>
<h2>Passes</h2><table><thead><tr><th>pass</th><th>findings</th></tr></thead><tbody>{passes}</tbody></table>
<h2>Clusters</h2><table><thead><tr><th>cluster</th><th>findings</th></tr></thead><tbody>{clusters}</tbody></table>
</main></body></html>
"""
