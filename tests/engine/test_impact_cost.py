"""What `impact` does once, however many policies there are: counts, not times."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import cnpfix
from rewriter.reach.compare import reach
from rewriter.yamltext.parse import parse

CONFIG = """
[[clusters]]
name = "a"
version = "1.18"
local = ["**"]
[[clusters]]
name = "b"
version = "1.18"
"""
NAMESPACE = """apiVersion: v1
kind: Namespace
metadata: {{name: ns{0}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: app{0}, namespace: ns{0}}}
spec:
  selector: {{matchLabels: {{app: app{0}}}}}
  template:
    metadata: {{labels: {{app: app{0}}}}}
    spec: {{containers: [{{name: main, image: example}}]}}
"""
POLICY = """---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: p{1}, namespace: ns{0}}}
spec:
  podSelector: {{matchLabels: {{app: app{0}}}}}
  policyTypes: [Ingress]
  ingress:
    - from:
        - podSelector: {{matchLabels: {{app: app{2}}}}}
          namespaceSelector: {{matchLabels: {{kubernetes.io/metadata.name: ns{2}}}}}
      ports: [{{port: 8080, protocol: TCP}}]
"""


def _tree(folder: Path, namespaces: int) -> Path:
    """Policies that let the pods of the next namespace, and of the one behind it, in; texts that no other test has."""
    folder.mkdir()
    (folder / "cnpfix.toml").write_text(CONFIG)
    for place in range(namespaces):
        policies = [POLICY.format(place, number, (place + number + 1) % namespaces) for number in range(2)]
        (folder / f"ns{place}.yaml").write_text(NAMESPACE.format(place) + "".join(policies) + f"# {folder}\n")
    return folder


def _impact(folder: Path) -> cnpfix.Impact:
    return cnpfix.impact(folder, to_version="1.19", config=folder / "cnpfix.toml")


def test_policies_of_one_form_are_compared_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compared = 0

    def counted(*given: Any, **named: Any) -> Any:
        nonlocal compared
        compared += 1
        return reach(*given, **named)

    monkeypatch.setattr("rewriter.reach.forms.reach", counted)
    found = []
    for namespaces in (6, 12):
        compared = 0
        impact = _impact(_tree(tmp_path / str(namespaces), namespaces))
        assert [len(policy.upgrade.closes) for policy in impact.policies] == [1] * 2 * namespaces
        found.append(compared)
    assert found[1] == 0 < found[0]  # What the first run learned of the forms holds for the names of the second.


def test_the_files_of_a_tree_and_their_new_texts_are_parsed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: Counter[str] = Counter()

    def counted(text: str) -> Any:
        parsed[text] += 1
        return parse(text)

    monkeypatch.setattr("rewriter.yamltext.kept.parse", counted)
    impact = _impact(_tree(tmp_path / "tree", 6))
    assert {policy.fixes for policy in impact.policies} == {("implicit-cluster",)}
    assert (
        sum("kind: Deployment" in text for text in parsed) == 12
    )  # Before and after the fixes, beside single documents.
    assert set(parsed.values()) == {1}
