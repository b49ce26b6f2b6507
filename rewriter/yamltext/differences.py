"""Where two values differ, down to the innermost members and items. In which order a list has its items is no matter.

The lists of policies and of facts about clusters are sets: a rule that stands elsewhere is the same rule.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from rewriter import patterns as re

if TYPE_CHECKING:
    from deepdiff import DeepDiff
    from deepdiff.model import DiffLevel

ADDED, REMOVED, CHANGED = "added", "removed", "changed"
#: Which items became which is worked out for so many pairs of items; of more, each is compared with that in its place.
_MOST_PAIRS = 100
_PLAIN = re.compile(r"[A-Za-z_][\w-]*")


class ValueDifference(NamedTuple):
    """One difference: the steps to it, in the old value where something is removed, else in the new one.

    A value that one side does not have is None.
    """

    change: str
    steps: tuple[object, ...]
    old: object
    new: object

    @property
    def place(self) -> str:
        """The steps for people: `spec.ingress[0].toPorts`."""
        return "".join(map(_shown, self.steps)).removeprefix(".")

    @property
    def pointer(self) -> str:
        """The steps as a JSON Pointer: `/spec/ingress/0/toPorts`."""
        return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in self.steps)


def differences(old: object, new: object) -> list[ValueDifference]:
    """Every difference of two values, in the order of their places."""
    from deepdiff import DeepDiff

    found = DeepDiff(
        old,
        new,
        view="tree",
        ignore_order_func=_few_pairs,
        report_repetition=True,
        threshold_to_diff_deeper=0.01,  # Mappings without a key in common are two values, not one that changed.
        cutoff_distance_for_pairs=0.6,
        cutoff_intersection_for_pairs=1,
    )
    return sorted(_read(found), key=lambda difference: [_rank(step) for step in difference.steps])


def _read(found: DeepDiff) -> Iterator[ValueDifference]:
    for kind, levels in found.items():
        for level in levels:
            if kind == "repetition_change":
                fewer = level.additional["repetition"]["old_repeat"] > level.additional["repetition"]["new_repeat"]
                change = REMOVED if fewer else ADDED
            else:
                change = REMOVED if kind.endswith("_removed") else ADDED if kind.endswith("_added") else CHANGED
            steps = tuple(level.path(output_format="list", use_t2=change != REMOVED))
            old = None if change == ADDED else level.t1
            new = None if change == REMOVED else level.t2
            yield ValueDifference(change, steps, old, new)


def _few_pairs(level: DiffLevel) -> bool:
    """Whether a list and another are so short, or so alike, that every item which differs is held against each."""
    old, new = level.t1, level.t2
    if not (isinstance(old, list) and isinstance(new, list)):
        return False
    if len(old) * len(new) > _MOST_PAIRS:
        known_old, known_new = {_text(item) for item in old}, {_text(item) for item in new}
        return len(known_old - known_new) * len(known_new - known_old) <= _MOST_PAIRS
    return True


def _text(value: object) -> str:
    return json.dumps(value, default=repr)


def _shown(step: object) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if _PLAIN.fullmatch(str(step)) else f"[{json.dumps(str(step), ensure_ascii=False)}]"


def _rank(step: object) -> tuple[int, str]:
    return (step, "") if isinstance(step, int) else (-1, str(step))
