"""A pass or a proof that fails on one policy: an error of its own, and everything else is done."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rewriter import yamltext
from rewriter.engine.effects.of_fixes import Effects
from rewriter.engine.run import fixer
from rewriter.evidence.context import Context
from rewriter.finding import Finding
from rewriter.passes import PASSES
from tests.cli.support import cnpfix

_POLICY = """\
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: NAME, namespace: shop}
spec:
  endpointSelector: {}
  egress:
  - toFQDNs:
    - matchPattern: "**.example.com"
"""


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file with two policies, the second of which is called `bad`, and a file with a third."""
    (tmp_path / "a.yaml").write_text(f"{_POLICY.replace('NAME', 'good')}---\n{_POLICY.replace('NAME', 'bad')}")
    (tmp_path / "b.yaml").write_text(_POLICY.replace("NAME", "other"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _raises(context: Context) -> Iterator[Finding]:
    if context.policy.name == "bad":
        raise KeyError("nothing\nhere")
    yield from ()


def test_a_pass_that_raises(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fixer, "PASSES", (replace(PASSES[0], function=_raises), *PASSES[1:]))
    ran = cnpfix("--write", "--format", "json", ".")
    assert ran.code == 2
    assert "Traceback" not in ran.err
    line = f"cnpfix: a.yaml:10: {PASSES[0].code} {PASSES[0].id} failed on CiliumNetworkPolicy shop/bad (KeyError: "
    assert line in ran.err and "please report it" in ran.err
    report = json.loads(ran.out)
    assert report["summary"]["errors"] == 1
    assert [item["name"] for item in report["findings"] if item["fixed"]] == ["good", "bad", "other"]
    assert "**" not in (repository / "a.yaml").read_text() + (repository / "b.yaml").read_text()


def test_a_reader_that_raises(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one file: what the others hold is judged, and the error names the file."""
    parse_kept = yamltext.parse_kept

    def parsed(text: str) -> list[yamltext.Document]:
        if "name: other" in text:
            raise KeyError("nothing here")
        return parse_kept(text)

    monkeypatch.setattr(yamltext, "parse_kept", parsed)
    ran = cnpfix("impact", "--no-cache", "--format", "json", ".")
    assert ran.code == 2
    assert "cnpfix: b.yaml: reading the policies failed (KeyError: 'nothing here')" in ran.err
    assert json.loads(ran.out)["summary"]["policies"] == 2


def test_the_traceback_is_there_on_request(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fixer, "PASSES", (replace(PASSES[0], function=_raises), *PASSES[1:]))
    ran = cnpfix("-v", "--check", ".")
    assert ran.code == 2
    assert "Traceback (most recent call last)" in ran.err and "in _raises" in ran.err


def test_a_proof_that_raises(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    judged = Effects.judge_step

    def step(self: Effects, before: Any, *rest: Any, **options: Any) -> object:
        if getattr(before, "name", "") == "bad":
            raise RecursionError("too deep")
        return judged(self, before, *rest, **options)

    monkeypatch.setattr(Effects, "judge_step", step)
    ran = cnpfix("--write", "--format", "json", ".")
    assert ran.code == 2
    assert "a.yaml:10: the fix of CNP008 fqdn-double-star failed on CiliumNetworkPolicy shop/bad (Rec" in ran.err
    findings = [item for item in json.loads(ran.out)["findings"] if item["id"] == "fqdn-double-star"]
    assert [item["name"] for item in findings if item["fixed"]] == ["good", "other"]
    assert [item["name"] for item in findings if not item["fixed"]] == ["bad"]
    after = (repository / "a.yaml").read_text()
    assert after.count("**.example.com") == 1 and after.count('"*.example.com"') == 1


@pytest.mark.parametrize(
    ("direction", "first"),
    [
        ("ingress", "fromCIDRSet: [{cidr: 10.0.0.0/8}, '${X}']"),
        ("egress", "toFQDNs: [{matchName: example.com}, '${X}']"),
        ("egress", "toCIDRSet: ['${X}']"),
        ("egress", "toServices: [{k8sService: {serviceName: a}}, '${X}']"),
    ],
)
def test_a_placeholder_for_an_entry_fails_no_pass_that_compares_releases(
    direction: str, first: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    side = "from" if direction == "ingress" else "to"
    (tmp_path / "policy.yaml").write_text(
        "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: x, namespace: shop}\nspec:\n"
        f"  endpointSelector: {{}}\n  {direction}:\n  - {first}\n"
        f"  - {side}Entities: [world]\n    {side}CIDR: [10.0.0.0/8]\n"
        f"  - {side}Requires: [{{matchLabels: {{env: prod}}}}]\n    {side}Endpoints: [{{matchLabels: {{app: b}}}}]\n"
    )
    monkeypatch.chdir(tmp_path)
    ran = cnpfix("--format", "json", ".")
    assert (ran.code, json.loads(ran.out)["errors"]) == (0, [])
