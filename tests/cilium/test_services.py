"""Service references in words, as findings and flow statements say them."""

from __future__ import annotations

from typing import Any

import pytest

from rewriter.cilium.services import service_matches, service_text
from rewriter.cilium.settings import ServiceView

CASES: list[tuple[dict[str, Any], str]] = [
    ({"k8sService": {"serviceName": "db", "namespace": "prod"}}, "prod/db"),
    ({"k8sService": {"serviceName": "db"}}, "db of any namespace"),
    (
        {"k8sServiceSelector": {"selector": {"matchLabels": {"app": "db"}}, "namespace": "prod"}},
        "with app=db of namespace prod",
    ),
    ({"k8sServiceSelector": {"selector": {"matchLabels": {"app": "db"}}}}, "with app=db of any namespace"),
]


@pytest.mark.parametrize(("entry", "expected"), CASES)
def test_says_which_service_is_meant(entry: dict[str, Any], expected: str) -> None:
    assert service_text(entry) == expected


@pytest.mark.parametrize("entry", [None, True, "db", [], {}, {"k8sService": None}])
def test_what_is_no_reference_means_no_service(entry: Any) -> None:
    assert service_matches(entry, ServiceView("prod", "db")) is False
