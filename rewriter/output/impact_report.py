"""The impact of an upgrade as JSON, and as Markdown for a pull request or an issue."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rewriter.engine.run.impact_result import Change, Impact, PolicyImpact
from rewriter.output import policy_changes
from rewriter.output.impact_text import (
    MOST_PAIRS,
    ROWS,
    as_defaults,
    columns_of,
    fate,
    heads,
    left_out,
    numbers,
    shown_pairs,
    state_words,
    unenforced,
)
from rewriter.output.markdown import escaped
from rewriter.output.style import as_json_text, logged
from rewriter.reach.pairs import MeshDifference

SCHEMA = 1


def render_json(impact: Impact, versions: tuple[str, str]) -> str:
    """Everything: `undone` with nothing done, `fixed` after the rewrite; lists of workloads stand for all pairs."""
    return as_json_text(as_json(impact, versions))


def as_json(impact: Impact, versions: tuple[str, str]) -> dict[str, Any]:
    rows = list(numbers(impact))
    return {
        "schema": SCHEMA,
        "from": versions[0],
        "to": versions[1],
        "clusters": list(impact.clusters),
        "rewrite": "by hand" if impact.by_hand else "fixes",
        "summary": {
            "policies": impact.total,
            "workloads": impact.workloads,
            "undone": {name: undone for name, undone, *_ in rows},
            "fixed": {name: fixed for name, _, fixed, *_ in rows},
            "left": {name: left for name, _, _, left, _ in rows},
            "on_purpose": {name: purpose for name, *_, purpose in rows},
        },
        "policies": [_policy(item) for item in impact.policies],
        "rewritten": [policy_changes.as_json(policy) for policy in impact.rewritten],
        "undone": _mesh(impact.undone),
        "fixed": _mesh(impact.fixed),
        "errors": [
            {"file": error.path, "line": error.line, "message": error.message, "hint": error.hint}
            for error in impact.errors
        ],
        "left_out": list(impact.left_out),
        "not_enforced": list(impact.not_enforced),
        "unread_settings": list(impact.unread_settings),
    }


def _policy(item: PolicyImpact) -> dict[str, Any]:
    return {
        **policy_changes.named(item),
        "cluster": item.cluster,
        "rewritten": item.rewritten,
        "fixes": list(item.fixes),
        "undone": _change(item.undone),
        "fixed": _change(item.fixed),
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "state": change.state,
        "reason": change.reason,
        "opened": list(change.flows.opened),
        "closed": list(change.flows.closed),
        "possible": sorted(change.flows.possible.intersection((*change.flows.opened, *change.flows.closed))),
    }


def _mesh(difference: MeshDifference) -> dict[str, Any]:
    return {
        "pairs": [
            {
                "change": pair.change,
                "sources": list(pair.sources),
                "destinations": list(pair.destinations),
                "ports": pair.ports,
                "portRanges": [found._asdict() for found in pair.port_ranges],
            }
            for pair in difference.pairs
        ],
        "released": list(difference.released),
    }


def render_markdown(impact: Impact, versions: tuple[str, str]) -> str:
    """The impact as GitHub-flavoured Markdown; names from manifests are escaped."""
    return logged("\n".join(_lines(impact, versions)).rstrip() + "\n")


def _lines(impact: Impact, versions: tuple[str, str]) -> Iterator[str]:
    where = f" of {escaped(', '.join(impact.clusters))}" if impact.clusters else ""
    columns = columns_of(impact)
    yield f"## Cilium {' to '.join(dict.fromkeys(versions))}{where}: what changes for traffic"
    yield ""
    yield f"| | {' | '.join(columns)} |"
    yield f"| --- |{' ---: |' * len(columns)}"
    for name, undone, fixed, left, purpose in numbers(impact):
        shown = (undone, fixed) if impact.by_hand else (undone, left, purpose)
        yield f"| {ROWS[name]} | {' | '.join(map(str, shown))} |"
    if impact.not_enforced:
        yield from ["", escaped(unenforced(impact))]
    if impact.unread_settings:
        yield from ["", escaped(as_defaults(impact))]
    if impact.left_out:
        yield from ["", escaped(left_out(impact))]
    for item in impact.policies:
        policy = item.policy.policy
        name = "/".join(part for part in (policy.namespace, policy.name) if part)
        yield from ["", f"### {escaped(name)}", ""]
        yield f"{escaped(f'{item.policy.path}:{item.line}')}, {policy.kind}, {escaped(fate(item, impact))}"
        yield ""
        yield from _flows(item.undone)
        if item.fixed != item.undone and item.fixed:
            if item.undone.state or item.undone or not impact.by_hand:
                yield from ["", f"{heads(impact)[1].capitalize()}:", ""]
            yield from _flows(item.fixed)
    rows = shown_pairs(impact)
    if rows:
        yield from ["", "### Between workloads", "", "| | from | to | ports | |", "| --- | --- | --- | --- | --- |"]
        for pair, what in rows[:MOST_PAIRS]:
            ends = (escaped(", ".join(names)) for names in (pair.sources, pair.destinations))
            yield f"| {pair.change} | {' | '.join(ends)} | {escaped(pair.ports)} | {what} |"
        if len(rows) > MOST_PAIRS:
            yield from ["", f"And {len(rows) - MOST_PAIRS} more."]
    if impact.undone.released or impact.fixed.released:
        yield from ["", "### Workloads that lose their last enforced policy", ""]
        for workload in sorted({*impact.undone.released, *impact.fixed.released}):
            yield f"- {escaped(workload)}, {'left' if workload in impact.fixed.released else 'mended'}"
    if impact.rewritten:
        yield from ["", f"### {policy_changes.TITLE}", ""]
    for rewritten in impact.rewritten:
        place = escaped(f"{rewritten.policy.path}:{rewritten.line}")
        state = f" {rewritten.state}" if rewritten.state else ""
        yield f"- {escaped(policy_changes.name_of(rewritten))} ({place}){state}"
        yield from (f"  - {verb} {escaped(words)}" for verb, words in policy_changes.sentences(rewritten))


def _flows(change: Change) -> Iterator[str]:
    if change.state:
        yield f"- the policy {escaped(state_words(change))}"
    yield from (f"- opens {escaped(flow)}" for flow in change.flows.opened)
    yield from (f"- closes {escaped(flow)}" for flow in change.flows.closed)
