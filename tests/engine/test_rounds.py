"""What a run does anew after a fix: passes look again at what changed since they looked, and at nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from rewriter import yamltext
from rewriter.engine.documents.known import KnownPolicies
from rewriter.engine.run import fixer
from rewriter.evidence.context import Context
from rewriter.finding import Finding
from rewriter.passes import PASSES
from rewriter.yamltext import kept
from tests.cli.support import cnpfix

_POLICY = """\
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  endpointSelector: {}
  egress:
  - toFQDNs:
    - matchPattern: "**.example.com"
"""
_FIXES = "fqdn-double-star"

Find = Callable[[Context], Iterator[Finding]]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each pass is asked."""
    counts: Counter[str] = Counter()

    def counting(name: str, function: Find) -> Find:
        def find(context: Context) -> Iterator[Finding]:
            counts[name] += 1
            return function(context)

        return find

    counted = tuple(replace(each, function=counting(each.id, each.function)) for each in PASSES)
    monkeypatch.setattr(fixer, "PASSES", counted)
    return counts


def test_a_pass_looks_again_only_at_what_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: Counter[str]
) -> None:
    (tmp_path / "a.yaml").write_text(_POLICY)
    monkeypatch.chdir(tmp_path)
    ran = cnpfix("--write", "--from", "1.18", "--to", "1.19", "a.yaml")
    assert "**" not in (tmp_path / "a.yaml").read_text(), ran.out
    order = [each.id for each in PASSES if each.id in asked]
    place = order.index(_FIXES)
    assert place > 0
    # The one that fixed it and those before it see the new text once more; those after it saw it already.
    assert [asked[name] for name in order] == [2] * (place + 1) + [1] * (len(order) - place - 1)


def test_a_policy_that_stays_is_looked_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: Counter[str]
) -> None:
    (tmp_path / "a.yaml").write_text(_POLICY.replace("**", "*"))
    monkeypatch.chdir(tmp_path)
    cnpfix("--write", "--from", "1.18", "--to", "1.19", "a.yaml")
    assert set(asked.values()) == {1}


def test_the_new_text_is_parsed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the proof of the fix and by that of the file, which is this one document."""
    parsed: Counter[str] = Counter()

    def counting(text: str) -> list[yamltext.Document]:
        parsed[text] += 1
        return yamltext.parse(text)

    monkeypatch.setattr(kept, "parse", counting)
    (tmp_path / "a.yaml").write_text(_POLICY.replace("web", "parsed-once"))
    monkeypatch.chdir(tmp_path)
    cnpfix("--write", "--from", "1.18", "--to", "1.19", "a.yaml")
    assert parsed[(tmp_path / "a.yaml").read_text()] == 1


def test_the_policies_of_one_value_are_read_once() -> None:
    namespaces = []

    def namespace_of(manifest: dict[str, object]) -> str:
        namespaces.append(manifest)
        return "shop"

    def value() -> dict[str, object]:
        return {"apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy", "metadata": {"name": "web"}, "spec": {}}

    known, one, other = KnownPolicies(), value(), value()
    first = known.of("a.yaml", one, namespace_of)
    assert known.of("a.yaml", one, namespace_of) is first
    assert len(namespaces) == 1
    # An equal value may be another document, and another file may be of another namespace.
    assert known.of("a.yaml", other, namespace_of) is not first
    assert known.of("b.yaml", one, namespace_of) is not first
    for _ in range(100):
        known.of("a.yaml", value(), namespace_of)
    assert known.of("a.yaml", one, namespace_of) is not first
