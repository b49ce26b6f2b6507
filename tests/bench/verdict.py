"""How long the recorded verdict cases take, against decompressing and loading their file in the same run."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

CASES = Path(__file__).parents[2].parent / "shared" / "vectors" / "verdicts.jsonl.gz"
#: Cilium's own engine takes 32 times the load; anything slower than it is a fault.
BOUND = 32

Ratio = Callable[[str, float, float, float], None]
"""Takes a name, the measured and the reference seconds, and the bound of their ratio."""


def measure(ratio: Ratio, repeats: int = 3) -> None:
    """The whole process of `cnpfix verdict --cases`, start-up and all, against the load alone: the best of a few."""
    if not CASES.exists():
        print("verdict --cases: ../shared/vectors/verdicts.jsonl.gz is not present; not measured")
        return
    command = [str(Path(sys.executable).with_name("cnpfix")), "verdict", "--cases", str(CASES)]
    measured = reference = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        with gzip.open(CASES, "rt", encoding="utf-8") as lines:
            for line in lines:
                json.loads(line)
        reference = min(reference, time.perf_counter() - start)
        start = time.perf_counter()
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        measured = min(measured, time.perf_counter() - start)
    ratio("verdict --cases, 1,500 cases / load", measured, reference, BOUND)
