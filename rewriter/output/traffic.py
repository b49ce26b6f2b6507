"""Observed traffic in reports: of a finding, and of a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rewriter.engine.results.observed import FLOWS_SHOWN, Observed, TrafficSummary, period
from rewriter.inventory.hubble.flows import ObservedFlow
from rewriter.output.lines import count
from rewriter.text import join_flows

#: So many flows of a kind are in a report; their number is always shown.
MOST = 100


def observed_as_json(observed: Observed) -> dict[str, Any]:
    """What was seen of one finding."""
    return {
        "seen": observed.seen,
        "restored": _flows(observed.restored),
        "kept": _flows(observed.kept),
        "dropped": _flows(observed.dropped),
    }


def traffic_as_json(traffic: TrafficSummary) -> dict[str, Any]:
    """What was seen of a run."""
    observed = traffic.observed
    return {
        "files": list(observed.files),
        "first": observed.first,
        "last": observed.last,
        "events": observed.events,
        "skipped": dict(observed.skipped),
        "lost_events": observed.lost,
        "left_out": observed.left_out,
        "judged": traffic.judged,
        "restored": _flows(traffic.restored),
        "still_dropped": _flows(traffic.still_dropped),
        "kept": _flows(traffic.kept),
        "lost": _flows(traffic.lost),
        "dropped": _flows(traffic.dropped),
        "unexplained": _flows(traffic.unexplained),
        "contradicted": _flows(traffic.contradicted),
    }


def _flows(flows: Sequence[ObservedFlow]) -> dict[str, Any]:
    return {"count": len(flows), "flows": [_flow(flow) for flow in flows[:MOST]]}


def _flow(flow: ObservedFlow) -> dict[str, Any]:
    return {
        "source": str(flow.source),
        "destination": str(flow.destination),
        "port": flow.port,
        "protocol": flow.protocol,
        "direction": flow.direction,
        "verdict": flow.verdict,
        "count": flow.count,
        "last": flow.last,
    }


def traffic_lines(traffic: TrafficSummary) -> Iterator[str]:
    """The run in words, one line each; empty categories are omitted."""
    kinds = count(traffic.judged, "kind")
    yield f"Hubble, {period(traffic.observed)}: {kinds} of flow judged under these policies"
    for flows, words in (
        (traffic.kept, "passes today, the upgrade alone would drop it, the fixes keep it"),
        (traffic.lost, "passes today, the upgrade drops it, and no fix keeps it"),
        (traffic.dropped, "passes today, and the fixes drop it"),
        (traffic.restored, "is dropped today, and passes with the fixes"),
        (traffic.still_dropped, "is dropped today, and stays dropped"),
        (traffic.unexplained, "was dropped though these policies allow it: something else does that"),
        (traffic.contradicted, "passed though these policies deny it: what runs is not what is here"),
    ):
        if flows:
            yield f"{len(flows)} {words}: {join_flows(flows, most=FLOWS_SHOWN)}"
