"""A policy that is too large to prove is left alone, and the run says why."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rewriter.cli.options import open_for, options_for
from rewriter.engine.proofs.budget import MOST_WORK
from rewriter.engine.results.result import FileResult
from rewriter.engine.run.fixer import fixer_for
from rewriter.engine.run.workspace import Request

_RULE = "  - toFQDNs: [{matchPattern: '**.aNUMBER.example.com'}]\n"


def _policy(rules: int) -> str:
    written = "".join(_RULE.replace("NUMBER", str(number)) for number in range(rules))
    return (
        "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: web, namespace: shop}\n"
        f"spec:\n  endpointSelector: {{}}\n  egress:\n{written}"
    )


def _fixed(tree: Path, most_work: int) -> FileResult:
    workspace = open_for(Request(names=(str(tree),)))
    options = replace(options_for(workspace, unsafe_fixes=False), most_work=most_work)
    ((found, data),) = workspace.files
    return fixer_for(workspace, options).fix_file(found, data)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "web.yaml").write_text(_policy(3))
    return tmp_path


def test_a_policy_beyond_the_bound_is_not_written_and_its_findings_say_why(tree: Path) -> None:
    result = _fixed(tree, 17)
    assert not result.changed
    (error,) = result.errors
    assert "too large to prove" in str(error)
    fixable = [item for item in result.findings if item.finding.id == "fqdn-double-star"]
    assert len(fixable) == 3
    for item in fixable:
        assert not item.fixed
        assert "6 rules, peers and ports, and each of 3 findings" in item.not_fixed


def test_below_the_bound_it_is_fixed(tree: Path) -> None:
    assert _fixed(tree, 200).changed
    assert _fixed(tree, MOST_WORK).changed
