"""Which files a question is about: each one that a look at every file would find, in their order."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rewriter.inventory.files.offered import OfferedFile, OfferedFiles


def file(path: str, *kinds: bytes, holds_list: bool = False, unknown: bool = False) -> OfferedFile:
    return OfferedFile(path, frozenset(kinds), b"", holds_list, unknown)


FILES = [
    file("a.yaml", b"Service"),
    file("b.yaml", b"Deployment", b"Service"),
    file("c.yaml", b"Service"),
    file("d.yaml", holds_list=True),
    file("e.yaml", b"Deployment", b"Service", unknown=True),
    file("f.yaml", b"Service", b"Deployment"),
]
QUESTIONS: dict[str, Callable[[OfferedFile], bool]] = {
    "a kind": lambda file: b"Service" in file.kinds,
    "another": lambda file: b"Deployment" in file.kinds,
    "a list": lambda file: file.holds_list,
    "no other kind": lambda file: file.kinds == {b"Service"},
    "what is not known": lambda file: file.unknown,
    "nothing": lambda file: False,
    "everything": lambda file: True,
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_answer_is_that_of_a_look_at_each(question: str) -> None:
    wanted = QUESTIONS[question]
    assert OfferedFiles(FILES).where(wanted) == [each for each in FILES if wanted(each)]


def test_files_that_are_offered_after_a_question_count_in_the_next() -> None:
    files = OfferedFiles(FILES[:2])
    assert [each.path for each in files.where(QUESTIONS["a kind"])] == ["a.yaml", "b.yaml"]
    files += FILES[2:]
    assert [each.path for each in files.where(QUESTIONS["a kind"])] == [
        "a.yaml",
        "b.yaml",
        "c.yaml",
        "e.yaml",
        "f.yaml",
    ]


def test_many_alike_are_asked_about_once() -> None:
    asked: list[str] = []
    files = OfferedFiles([file(f"{number}.yaml", b"Service") for number in range(50)])

    def wanted(one: OfferedFile) -> bool:
        asked.append(one.path)
        return True

    assert len(files.where(wanted)) == 50
    assert asked == ["0.yaml"]
