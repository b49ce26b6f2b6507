"""Which rules of a policy are whole where the values that render it leave a part out."""

from __future__ import annotations

import pytest

from rewriter import yamltext
from rewriter.engine.charts.partial import whole_rule

_POLICY = """\
spec:
  endpointSelector: {}
  ingress:
  - fromEntities: [all]
  - fromEntities:
    - host
    toPorts:
"""


@pytest.mark.parametrize(
    ("route", "missing", "rule"),
    [
        ("/spec/ingress/1/fromEntities/0", [], "/spec/ingress/1"),
        ("/spec/ingress/1", [], "/spec/ingress/1"),
        ("/spec/ingress/1/fromEntities/0", [6], ""),
        ("/spec/ingress/0/fromEntities/0", [6], "/spec/ingress/0"),
        ("/spec/ingress/0/fromEntities/0", [3], ""),
        ("/spec/ingress/7/fromEntities/0", [], ""),
        ("/spec/endpointSelector", [], ""),
    ],
)
def test_a_rule_is_judged_where_nothing_of_it_is_missing(route: str, missing: list[int], rule: str) -> None:
    assert whole_rule(yamltext.parse(_POLICY)[0], route, missing) == rule
