"""When the L7 rules of a port leave something out, which is what `shadowed-rule` asks first."""

from __future__ import annotations

from typing import Any

import pytest

from rewriter.cilium.nodes import L7Rules, PortRule, read_port_rules


@pytest.mark.parametrize(
    ("rules", "restricts"),
    [
        ({"http": [{"method": "GET"}]}, True),
        ({"http": [{"method": "GET"}, {}]}, False),
        ({"dns": [{"matchName": "example.com"}]}, True),
        ({"dns": [{"matchPattern": "*"}]}, False),
        ({"dns": [{"matchName": "example.com"}, {"matchPattern": "**"}]}, False),
        ({"kafka": [{"role": "produce"}]}, False),
    ],
)
def test_rules_restrict_unless_one_lets_everything_through(rules: dict[str, Any], restricts: bool) -> None:
    (item,) = read_port_rules({"toPorts": [{"ports": [{"port": "80"}], "rules": rules}]}, "/spec/ingress/0")
    assert isinstance(item, PortRule) and isinstance(item.rules, L7Rules)
    assert item.rules.restricts is restricts
