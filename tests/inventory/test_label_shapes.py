"""The labels that pods may have, by their shape: none that a pod has is missing."""

from __future__ import annotations

import pytest

from rewriter.inventory.facts.model import Source, Workload
from rewriter.inventory.files.offered import OfferedFile
from rewriter.inventory.index.label_shapes import label_shapes, shape_of


def file(text: str, *kinds: bytes) -> OfferedFile:
    return OfferedFile("apps.yaml", frozenset(kinds or (b"Deployment",)), text.encode())


def workload(**labels: str) -> Workload:
    return Workload("Deployment", "web", "shop", None, labels, Source("apps.yaml", 1))


def shapes(text: str, *kinds: bytes, changed: bool = False) -> frozenset[str]:
    parsed = [workload(app="parsed-7")]
    return label_shapes([file(text, *kinds)], lambda _: changed, lambda _: parsed, [])


@pytest.mark.parametrize("text, expected", [("web", "web"), ("web-17", "web-00"), ("v1.20", "v0.00")])
def test_a_digit_is_a_digit(text: str, expected: str) -> None:
    assert shape_of(text) == expected


@pytest.mark.parametrize(
    "text",
    ["app: web-12\n", "labels: {app: web-12}\n", 'labels: {"app": "web-12"}\n', "app:   'web-12'  # the shop\n"],
    ids=["block", "flow", "JSON", "quotes and a comment behind the value"],
)
def test_labels_stand_in_the_text_of_their_file(text: str) -> None:
    assert "app=web-00" in shapes(text)


@pytest.mark.parametrize(
    "text",
    [
        "app: &name web\n",
        "app: *name\n",
        "app: !!str web\n",
        "app: |\n  web\n",
        "app: ${NAME}\n",
        "app: # why\n  web\n",
        'app: ""\n',
        '"a\\tp": web\n',
        "? app\n: web\n",
    ],
)
def test_a_text_whose_labels_are_not_its_words_is_parsed(text: str) -> None:
    assert "app=parsed-0" in shapes(text)


def test_a_file_that_is_changed_on_its_way_is_parsed() -> None:
    assert "app=parsed-0" not in shapes("app: web\n")
    assert "app=parsed-0" in shapes("app: web\n", changed=True)


def test_a_job_has_its_name_as_a_label_and_is_parsed() -> None:
    assert "app=parsed-0" in shapes("app: web\n", b"Job")


def test_workloads_without_a_file_count() -> None:
    assert label_shapes([], lambda _: False, lambda _: [], [workload(app="live-3")]) == {"app=live-0"}
