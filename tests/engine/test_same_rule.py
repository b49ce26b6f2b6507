"""Two findings of one pass that want the same rule: it is added once, and what is found then needs its own consent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from rewriter.engine.run import fixer
from rewriter.evidence.context import Context
from rewriter.finding import Applicability, Finding, Fix, FlowClaim, Severity
from rewriter.passes.kit.registry import Pass
from tests.cli.support import cnpfix

POLICY = """\
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  endpointSelector: {matchLabels: {app: web}}
  ingress:
  - fromEntities: [health]
  - fromEntities: [init]
"""
HOST = {"fromEntities": ["host"]}
WORLD = {"fromEntities": ["world"]}


def _finding(route: str, applicability: Applicability, *rules: dict[str, Any]) -> Finding:
    """One that puts rules behind the rule at its route."""
    index = int(route.rpartition("/")[2])
    places = enumerate(rules, index + 1)
    return Finding(
        severity=Severity.WARNING,
        applicability=applicability,
        route=route,
        message="wrong",
        fix=Fix(tuple({"op": "add", "path": f"/spec/ingress/{place}", "value": rule} for place, rule in places)),
        opens=(FlowClaim("it", "ingress", "/spec", rules),),
    )


def _pass(later: tuple[Finding, ...]) -> Pass:
    """Both rules want the same one; once it is there, the first has what `later` says."""

    def find(context: Context) -> Iterator[Finding]:
        if HOST in context.policy.raw["spec"]["ingress"]:
            yield from later if WORLD not in context.policy.raw["spec"]["ingress"] else ()
            return
        for index in (0, 1):
            yield _finding(f"/spec/ingress/{index}", Applicability.EVIDENT, HOST)

    return Pass(code="CNP001", id="mixed-peers", title="wrong", function=find)


UNSAFE = _finding("/spec/ingress/0", Applicability.UNSAFE, WORLD)


@pytest.mark.parametrize(
    ("later", "arguments", "added", "fixed"),
    [
        ((), (), [HOST], [True, True]),
        ((UNSAFE,), (), [HOST], [False, True]),
        ((UNSAFE,), ("--unsafe-fixes",), [WORLD, HOST], [True, True]),
    ],
    ids=["mended by the other", "needs more consent", "has it"],
)
def test_the_rule_is_added_once(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    later: tuple[Finding, ...],
    arguments: tuple[str, ...],
    added: list[dict[str, Any]],
    fixed: list[bool],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(fixer, "PASSES", (_pass(later),))
    (tmp_path / "cnpfix.toml").write_text("")
    (tmp_path / "policy.yaml").write_text(POLICY)
    ran = cnpfix("--write", "--format", "json", *arguments, "policy.yaml")
    report = json.loads(ran.out)
    assert report["errors"] == []
    found = [item["fixed"] for item in report["findings"]]
    rules = yaml.safe_load((tmp_path / "policy.yaml").read_text())["spec"]["ingress"]
    assert [rule for rule in rules if rule in (HOST, WORLD)] == added
    assert found == fixed
