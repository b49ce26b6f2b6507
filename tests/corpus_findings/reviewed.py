"""The findings of the corpus on the way from 1.18 to 1.19, from 1.15 to 1.20 and from 1.19 to 1.20, each read.

Each was held against its repository; the reason names the release where not every upgrade has the finding.
One table for each repository, tab-separated: the file and line of the finding, its pass, `right` or `wrong`, and one
line of reason. A line is right where a Cilium engineer would agree and the owner would not wave it away.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

RIGHT, WRONG = "right", "wrong"


class Reviewed(NamedTuple):
    """A line of a table, and the repository that it is of."""

    repository: str
    file: str
    line: int
    id: str
    verdict: str
    reason: str


def reviewed() -> Iterator[Reviewed]:
    """The lines of all tables."""
    for table in sorted(Path(__file__).parent.glob("*.tsv")):
        with table.open(encoding="utf-8", newline="") as text:
            for row in csv.DictReader(text, delimiter="\t", quoting=csv.QUOTE_NONE):
                yield Reviewed(table.stem, row["file"], int(row["line"]), row["id"], row["verdict"], row["reason"])
