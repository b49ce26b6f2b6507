from __future__ import annotations

import pytest

from rewriter.passes.unknown_field import find
from tests.passes.policies import cnp
from tests.passes.support import run


@pytest.mark.parametrize(
    ("rules", "advice"),
    [
        ("ingress: [{serverNames: [a.example.com]}]", "`serverNames` is a field of an item of toPorts; move it there"),
        ("ingressDeny: [{authentication: {mode: required}}]", "`authentication` is a field of an item of ingress"),
        ("ingress: [{colour: red}]", "write the field that is meant, or remove it"),
    ],
)
def test_where_a_field_belongs_that_has_no_place_here(rules: str, advice: str) -> None:
    only = run(find, cnp(rules)).only
    assert advice in only.advice
