"""Where inner paths lie."""

from __future__ import annotations

import pytest

from rewriter.inventory.files.inner_paths import folders_above, names_below


def test_the_folders_above_end_with_the_root() -> None:
    assert list(folders_above("a/b/c.yaml")) == ["a/b", "a", "."]
    assert list(folders_above("c.yaml")) == ["."]


@pytest.mark.parametrize(
    ("folder", "below"),
    [
        ("a", ["a/b.yaml", "a/c/d.yaml"]),
        ("a/c", ["a/c/d.yaml"]),
        (".", ["a-b/x.yaml", "a.yaml", "a/b.yaml", "a/c/d.yaml", "ab/x.yaml"]),
        ("b", []),
        ("z", []),
    ],
)
def test_names_below_a_folder_are_those_inside_of_it(folder: str, below: list[str]) -> None:
    names = sorted(["a/b.yaml", "a/c/d.yaml", "a.yaml", "ab/x.yaml", "a-b/x.yaml"])
    assert list(names_below(names, folder)) == below
