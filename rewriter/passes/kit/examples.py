"""What each pass does to a whole policy: one golden case of each, shipped with the package.

`examples.json` is made from `golden/` by `make golden`; a test fails when it is stale.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.resources import files

from rewriter.records import dataclass


@dataclass(frozen=True, slots=True)
class Example:
    """A policy before a pass and after it, for an upgrade; `after` is the same text where the finding is manual.

    `findings` are the pass's words on it, each with its line in `before`; `applicabilities` are those of all golden
    cases of the pass, the most trusted first. `case` is the folder of the case in `golden/<id>/`.
    """

    case: str
    upgrade: str
    before: str
    after: str
    findings: Sequence[tuple[int, str]]
    applicabilities: Sequence[str]


def read_examples() -> Mapping[str, Example]:
    """The example of each pass that has a golden case, by pass id."""
    text = files("rewriter.passes").joinpath("examples.json").read_text("utf-8")
    return {
        pass_id: Example(**{**raw, "findings": tuple((line, message) for line, message in raw["findings"])})
        for pass_id, raw in json.loads(text).items()
    }
