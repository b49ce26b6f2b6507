"""What an answer rests on: everything that was asked while it was worked out, whoever asks for it later."""

from __future__ import annotations

from rewriter.evidence.resting import Answers, Record, ask, ask_all, part, recording

OUTER, INNER = ("outer",), ("inner",)


def rests_on(answers: Answers, key: tuple[object, ...]) -> set[str]:
    """What a record gets that does nothing but take an answer."""
    with recording(Record()) as record:
        assert answers[key]
    return record.parts[None]


def test_an_answer_that_is_taken_rests_on_what_was_asked_for_it() -> None:
    answers = Answers()
    with recording(Record()):
        ask("before")
        assert OUTER not in answers
        ask("of outer")
        assert INNER not in answers
        ask("of inner")
        answers[INNER] = 1
        ask("of outer, too")
        answers[OUTER] = 1
        ask("behind")
    assert rests_on(answers, INNER) == {"of inner"}
    assert rests_on(answers, OUTER) == {"of outer", "of inner", "of outer, too"}


def test_all_that_is_asked_is_in_the_record_also_where_no_answer_came_of_it() -> None:
    answers = Answers()
    with recording(Record()) as record:
        ask("first")
        assert OUTER not in answers
        ask("for nothing")
    assert record.parts == {None: {"first", "for nothing"}}


def test_an_answer_that_was_not_looked_for_rests_on_all_that_was_asked_so_far() -> None:
    answers = Answers()
    with recording(Record()):
        ask("first")
        answers[OUTER] = 1
        ask("behind")
    assert rests_on(answers, OUTER) == {"first"}


def test_a_part_has_what_was_asked_within_it_and_the_whole_what_was_asked_around_it() -> None:
    answers = Answers()
    with recording(Record()) as record:
        assert OUTER not in answers
        with part(1):
            ask("in the part")
            assert INNER not in answers
            ask("in the part, for nothing")
        ask("around it")
        answers[OUTER] = 1
    assert record.parts == {None: {"around it"}, 1: {"in the part", "in the part, for nothing"}}
    assert rests_on(answers, OUTER) == {"around it"}


def test_of_two_records_the_inner_one_is_asked() -> None:
    with recording(Record()) as outer:
        with recording(Record()) as inner:
            ask("one")
            ask_all(["two", "three"])
        ask_all(["four"])
    assert inner.parts == {None: {"one", "two", "three"}}
    assert outer.parts == {None: {"four"}}


def test_without_a_record_answers_are_answers() -> None:
    answers = Answers()
    ask("nothing listens")
    with part(1):
        assert answers.get(OUTER) is None
    assert answers.setdefault(OUTER, 1) == answers[OUTER] == answers.get(OUTER) == 1
