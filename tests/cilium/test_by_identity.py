"""Answers are remembered for the very object, and forgotten before they fill the memory."""

from __future__ import annotations

from rewriter.cilium.by_identity import ByIdentity

MOST = 10
#: More questions than go by between two looks at how much is remembered.
MANY = 1000


def test_answers_to_one_question_are_kept_and_questions_do_not_mix() -> None:
    known: ByIdentity[dict[str, int], str] = ByIdentity(MOST)
    rule: dict[str, int] = {}
    known.to("allow")[id(rule)] = rule, "an answer"
    assert known.to("allow")[id(rule)] == (rule, "an answer")
    assert known.to("deny") == {}


def test_few_answers_outlive_many_questions() -> None:
    known: ByIdentity[int, str] = ByIdentity(MOST)
    known.to("allow")[1] = 1, "an answer"
    for _ in range(MANY):
        known.to("allow")
    assert known.to("allow") == {1: (1, "an answer")}


def test_many_answers_are_forgotten() -> None:
    known: ByIdentity[int, str] = ByIdentity(MOST)
    for number in range(MANY):
        known.to("allow")[number] = number, "an answer"
    assert len(known.to("allow")) < MANY
