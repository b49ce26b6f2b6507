"""How long the recorded verdict cases take, against decompressing and loading their file in the same run."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from tests.bench.measure import fastest

CASES = Path(__file__).parents[2].parent / "shared" / "vectors" / "verdicts.jsonl.gz"
#: Cilium's own engine takes 32 times the load.
BOUND = 12

Ratio = Callable[[str, float, float, float], None]
"""Takes a name, the measured and the reference seconds, and the bound of their ratio."""


#: Decompresses and parses every line.
_LOAD = """
import gzip, json, sys
with gzip.open(sys.argv[1], "rt", encoding="utf-8") as lines:
    for line in lines:
        json.loads(line)
"""


def measure(ratio: Ratio, rounds: int) -> None:
    """The whole process of `cnpfix verdict --cases` against one that only loads the file, start-up and all.

    Both in seconds of the processor.
    """
    if not CASES.exists():
        print("verdict --cases: ../shared/vectors/verdicts.jsonl.gz is not present; not measured")
        return
    answer = [str(Path(sys.executable).with_name("cnpfix")), "verdict", "--cases", str(CASES)]
    load = [sys.executable, "-c", _LOAD, str(CASES)]
    measured, reference = fastest([answer, load], rounds, processor=True)
    ratio("verdict --cases, 1,500 cases / load", measured, reference, BOUND)
