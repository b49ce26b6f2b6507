"""Members of a name are found wherever they stand, since one that is not seen would count as absent."""

from __future__ import annotations

from typing import Any

from rewriter.inventory.texts.manifests import members


def test_a_member_is_found_as_deep_as_a_text_may_be_nested() -> None:
    value: Any = {"labels": {"app": "web"}}
    for depth in range(190):
        value = {"patch": value} if depth % 2 else [value]
    assert list(members({"spec": value}, "labels")) == [{"app": "web"}]
    assert list(members({"spec": value}, "label")) == []
