"""One self-contained page for a security reviewer: nothing in it asks the network, or runs but its own script."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from typing import Any

from rewriter.engine.results.result import Report, Reported
from rewriter.engine.run.pictures import Picture
from rewriter.finding import Flows
from rewriter.output.diff import Hunk
from rewriter.output.effects import totals
from rewriter.output.fingerprint import fingerprints
from rewriter.output.graph import namespace_edges
from rewriter.output.lines import remedy
from rewriter.output.own_hunk import own_hunks
from rewriter.output.style import clean
from rewriter.reach.difference import FlowStatement


def render(report: Report, pictures: Iterable[Picture], clusters: Mapping[str, str]) -> str:
    """The page. `clusters` gives the name of the cluster that a file's manifests are applied to, where it is known.

    Texts from manifests are in the page as data only, and put on screen as text, so that no name can become markup.
    """
    asset = files("rewriter.output").joinpath("page")
    style, script, page = (asset.joinpath(f"report.{kind}").read_text("utf-8") for kind in ("css", "js", "html"))
    graph = asset.joinpath("graph.js").read_text("utf-8")
    data = json.dumps(_data(report, list(pictures), clusters), ensure_ascii=False, separators=(",", ":"))
    values = {
        "STYLE": style,
        "STYLE_HASH": _source_hash(style),
        "GRAPH": graph,
        "GRAPH_HASH": _source_hash(graph),
        "SCRIPT": script,
        "SCRIPT_HASH": _source_hash(script),
        # Within a script element only these could end it, or begin a comment.
        "DATA": data.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"),
    }
    parts = page.split("%%")
    return "".join(values[part] if index % 2 else part for index, part in enumerate(parts))


def _source_hash(text: str) -> str:
    """The source expression of a Content-Security-Policy for an inline element of this text."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _data(report: Report, pictures: Sequence[Picture], clusters: Mapping[str, str]) -> dict[str, Any]:
    summary = report.summary
    sums = totals([item for item in report.findings if item.fixed])
    marks = dict(zip(map(id, report.findings), fingerprints(report.findings), strict=True))
    return {
        "tool": dict(report.tool),
        "summary": {
            "files": summary.files,
            "policies": summary.policies,
            "findings": summary.findings,
            "fixed": summary.fixed,
            "changed": len(report.files),
            "opens": sums.opens,
            "closes": sums.closes,
            "keeps": sums.keeps,
        },
        "findings": [_finding(item, marks[id(item)], clusters, report.texts) for item in report.findings],
        "pictures": [_picture(picture) for picture in pictures],
        "graph": [edge.as_json() for edge in namespace_edges(pictures)],
        "errors": [clean(str(error)) for error in report.errors],
        "unchecked": [clean(str(reason)) for reason in report.not_checked],
    }


def _finding(item: Reported, mark: str, clusters: Mapping[str, str], texts: Mapping[str, str]) -> dict[str, Any]:
    finding, location = item.finding, item.location
    return {
        "mark": mark,
        "code": finding.code,
        "id": finding.id,
        "severity": finding.severity.value,
        "applicability": finding.applicability.value,
        "fixed": item.fixed,
        "cluster": clusters.get(location.file, ""),
        "file": clean(location.file),
        "line": location.line,
        "document": location.document,
        "kind": clean(location.kind),
        "namespace": clean(location.namespace),
        "name": clean(location.name),
        "message": clean(finding.message),
        "why": clean(finding.why),
        "evidence": [clean(text) for text in finding.evidence],
        "advice": clean(item.not_fixed or finding.advice),
        "remedy": clean(remedy(item)),
        "opened": [clean(text) for text in item.flows.opened],
        "closed": [clean(text) for text in item.flows.closed],
        "upgrade": [clean(text) for text in _upgrade(item.flows)],
        "hunks": [_hunk(hunk) for hunk in own_hunks(item, texts.get(location.file, ""))],
    }


def _upgrade(flows: Flows) -> list[str]:
    """What the upgrade would do with no fix, where that is not what the fix does."""
    alone = flows.upgrade or Flows()
    if (alone.opened, alone.closed) == (flows.opened, flows.closed):
        return []
    texts = [f"without this, the upgrade opens {flow}" for flow in alone.opened]
    return texts + [f"without this, the upgrade closes {flow}" for flow in alone.closed]


def _picture(picture: Picture) -> dict[str, Any]:
    flows = picture.flows
    return {
        "file": clean(picture.path),
        "document": picture.document,
        "namespace": clean(picture.namespace),
        "name": clean(picture.name),
        "first": picture.first_line,
        "last": picture.last_line,
        "enforced": [flows.enforced_before, flows.enforced_after],
        "kept": _edges(flows.kept),
        "opened": _edges(flows.opened),
        "closed": _edges(flows.closed),
    }


def _edges(statements: Iterable[FlowStatement]) -> list[dict[str, Any]]:
    return [
        {
            "direction": statement.direction,
            "subject": clean(statement.subject),
            "peer": clean(peer),
            "ports": clean(", ".join(filter(None, (statement.ports, statement.limits)))),
        }
        for statement in statements
        for peer in statement.peers
    ]


def _hunk(hunk: Hunk) -> dict[str, Any]:
    return {
        "old": hunk.old_start + 1,
        "new": hunk.new_start + 1,
        "lines": [clean(line.rstrip("\r\n")) for line in hunk.lines],
    }
