"""Which limit of flows lets through all that another one does."""

from __future__ import annotations

import pytest

from rewriter.reach.limits import holds_more


@pytest.mark.parametrize(
    ("wide", "narrow", "expected"),
    [
        ('dns [{"matchName":"a"},{"matchName":"b"}]', 'dns [{"matchName":"a"}]', True),
        ('dns [{"matchName":"a"}]', 'dns [{"matchName":"a"},{"matchName":"b"}]', False),
        ('dns [{"matchName":"a"}]', 'dns [{"matchName":"a"}]', False),
        ('http [{"method":"GET","path":"/"},{"path":"/a"}]', 'http [{"path":"/","method":"GET"}]', True),
        ('http [{"path":"/a"},{"path":"/b"}]', 'dns [{"path":"/a"}]', False),
        ('kafka [{"topic":"a"},{"topic":"b"}]', 'kafka [{"topic":"a"}]', False),
        ("auth required", "auth required", False),
    ],
)
def test_holds_more(wide: str, narrow: str, expected: bool) -> None:
    assert holds_more(wide, narrow) is expected
