"""What is remembered of a stretch of a list holds for the very same items, and for no others."""

from __future__ import annotations

import random

from rewriter.cilium.stretches import stretches_of

Rule = dict[str, object]


def _rules(count: int) -> list[Rule]:
    return [{"port": number} for number in range(count)]


def test_stretches_hold_every_item_once_and_in_order() -> None:
    for count in (0, 1, 16, 17, 200):
        rules = _rules(count)
        found = [rule for stretch in stretches_of(rules) for rule in stretch]
        assert list(map(id, found)) == list(map(id, rules))


def test_a_list_that_shares_items_with_another_shares_the_stretches_of_these() -> None:
    rules = _rules(200)
    other = [*rules[:100], {"port": 100}, *rules[101:]]
    kept = {id(stretch) for stretch in stretches_of(rules)}
    new = [stretch for stretch in stretches_of(other) if id(stretch) not in kept]
    assert [any(rule is other[100] for rule in stretch) for stretch in new] == [True]


def test_an_equal_item_is_not_the_same_item() -> None:
    """`true` equals 1 in Python, and is another value in a manifest."""
    rules = _rules(40)
    other: list[Rule] = [rules[0], {"port": True}, *rules[2:]]
    assert stretches_of(rules)[0] is not stretches_of(other)[0]
    assert stretches_of(other)[0].items[1]["port"] is True


def test_edits_anywhere_leave_no_stretch_of_another_list() -> None:
    rng = random.Random(3)
    rules = _rules(120)
    for number in range(300):
        rules = list(rules)
        place = rng.randrange(len(rules))
        if rng.random() < 0.3:
            rules.insert(place, {"port": number})
        elif rng.random() < 0.3 and len(rules) > 40:
            del rules[place]
        else:
            rules[place] = {"port": -number}
        found = [rule for stretch in stretches_of(rules) for rule in stretch]
        assert list(map(id, found)) == list(map(id, rules))
