"""Comments of a policy of many ranges: each look-up takes no longer for all the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from cnpfix import check
from rewriter import yamltext
from rewriter.evidence.context import Context
from rewriter.passes.kit.addresses import unknown_ranges
from rewriter.yamltext.comments import comments_at
from rewriter.yamltext.document import LineIndex

_HEAD = """apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  endpointSelector: {}
  ingress:
"""


def test_a_comment_is_found_without_a_look_at_all_others(monkeypatch: pytest.MonkeyPatch) -> None:
    rules = "".join(f"  # rule {n}\n  - fromCIDR: [10.0.{n % 250}.0/24]  # site {n}\n" for n in range(1000))
    (document,) = yamltext.parse(_HEAD + rules)
    asked: list[int] = []
    place = LineIndex.place

    def counted(lines: LineIndex, offset: int) -> tuple[int, int]:
        asked.append(offset)
        return place(lines, offset)

    monkeypatch.setattr(LineIndex, "place", counted)
    assert comments_at(document, "/spec/ingress/500") == ("rule 500", "site 500")
    assert len(asked) < 40


def test_what_the_comments_say_of_all_ranges_is_sought_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rules = "".join(f"  - fromCIDR: [10.0.{n}.0/24]\n" for n in range(30))
    (tmp_path / "p.yaml").write_text(f"# the printers\n{_HEAD}{rules}")
    asked: list[Context] = []

    def counted(context: Context) -> set[str]:
        asked.append(context)
        return set()

    monkeypatch.setattr(unknown_ranges, "beside_entries", counted)
    assert not check(tmp_path).findings, "the comment calls them printers"
    assert 1 <= len(asked) <= 2
