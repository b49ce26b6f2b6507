"""Changes the code in one place at a time, and names the changes that no test notices.

    python -m tools.mutants rewriter/passes/bare_address.py --most 20 --tests tests/passes/test_bare_address.py

The changes are cosmic-ray's, drawn by lot; a seed draws the same ones again. No file is touched: each change is made in
the memory of a process of its own, which runs those of the tests that run the changed statement, one of each kind in
turn, for at most `--seconds` of CPU time. Tests that start other processes do not see the change there. A change that
lives is either one that changes nothing a user sees (judge it by hand), or a test that is missing.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pytest

from tools.mutants.draw import drawn, once_more
from tools.mutants.trial import Outcome, Trial


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", type=Path, nargs="*", help="files and folders to change")
    parser.add_argument("--most", type=int, default=20, help="so many changes of each of them, drawn by lot")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=int, default=20, help="CPU time of the tests of one change")
    parser.add_argument("--again", type=Path, metavar="FILE", help="those that lived, in what an earlier run printed")
    parser.add_argument("--tests", nargs="+", required=True, help="files of tests and node ids")
    asked = parser.parse_args()
    mutants = [mutant for path in asked.paths for mutant in drawn([path], asked.most, asked.seed)]
    if asked.again:
        mutants += once_more(asked.again.read_text())
    print(f"{len(mutants)} changes, seed {asked.seed}", flush=True)
    verdicts: Counter[str] = Counter()
    out = sys.stdout

    def report(outcome: Outcome) -> None:
        verdicts[outcome.verdict] += 1
        print(f"{outcome.verdict} ({outcome.tests} of {outcome.of} tests) {outcome.mutant}", file=out, flush=True)

    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        plugins = ["-p", "no:cacheprovider", "-p", "no:xdist", f"--basetemp={folder}/tests"]
        arguments = ["-q", "-s", "--tb=no", *plugins, *asked.tests]
        ended = pytest.main(arguments, plugins=[Trial(mutants, asked.seconds, report)])
    print(", ".join(f"{number} {verdict}" for verdict, number in sorted(verdicts.items())), flush=True)
    return int(ended)


if __name__ == "__main__":
    raise SystemExit(main())
