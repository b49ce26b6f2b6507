"""Tries mutants: each in a fork of a process that has imported the code and collected the tests, with the tests that
run the changed function, the fastest first."""

from __future__ import annotations

import gc
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Literal

import pytest

from tools.mutants.draw import Mutant
from tools.mutants.plant import Functions, Planted, swaps

Verdict = Literal["killed", "timeout", "survived", "untested"]


@dataclass(frozen=True, slots=True)
class Outcome:
    mutant: Mutant
    verdict: Verdict
    tests: int  # So many run its function.


@dataclass(slots=True)
class _Reach:
    """What each test runs of the files with mutants: the places of functions, and its time in seconds of CPU."""

    functions: dict[str, list[list[object]]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)


class Trial:
    """A plugin of pytest that tries mutants instead of running the tests once."""

    def __init__(self, mutants: Sequence[Mutant], seconds: int, report: Callable[[Outcome], None]) -> None:
        self._mutants, self._seconds, self._report = mutants, seconds, report
        self._failed = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._failed = self._failed or report.failed

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        items = {item.nodeid: item for item in session.items}
        reach = self._reach(items)
        functions = Functions()
        gc.freeze()  # The forks share the pages.
        for mutant in self._mutants:
            self._report(self._outcome(mutant, items, reach, functions))
        return True

    def _reach(self, items: dict[str, pytest.Item]) -> _Reach:
        names = {str(mutant.place.path.resolve()) for mutant in self._mutants}
        with tempfile.NamedTemporaryFile("r") as written:

            def note() -> int:
                Path(written.name).write_text(json.dumps(self._traced(items, names)))
                return 0

            assert _forked(note) == 0, "the tests without a mutant do not come to an end"
            return _Reach(*json.loads(written.read()))

    def _traced(self, items: dict[str, pytest.Item], names: set[str]) -> tuple[object, ...]:
        functions: dict[str, list[tuple[str, int, str]]] = {}
        seconds: dict[str, float] = {}
        failed: list[str] = []
        codes: set[CodeType] = set()

        def trace(frame: FrameType, event: str, argument: object) -> None:
            if frame.f_code.co_filename in names:
                codes.add(frame.f_code)

        order = list(items.values())
        for item, following in zip(order, [*order[1:], None], strict=True):
            codes.clear()
            start = time.process_time()
            sys.settrace(trace)
            threading.settrace(trace)
            lived = self._passes(item, following)
            sys.settrace(None)
            threading.settrace(None)
            seconds[item.nodeid] = time.process_time() - start
            if not lived:
                failed.append(item.nodeid)
            if codes:
                functions[item.nodeid] = [(code.co_filename, code.co_firstlineno, code.co_qualname) for code in codes]
        return functions, seconds, failed

    def _passes(self, item: pytest.Item, following: pytest.Item | None) -> bool:
        self._failed = False
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        return not self._failed

    def _outcome(self, mutant: Mutant, items: dict[str, pytest.Item], reach: _Reach, functions: Functions) -> Outcome:
        changes = swaps(mutant, functions)
        name = str(mutant.place.path.resolve())
        wanted = None
        if changes is not None:
            wanted = {(code.co_firstlineno, code.co_qualname) for _, code in changes}
        chosen = [
            nodeid
            for nodeid, places in reach.functions.items()
            if nodeid not in reach.failed
            and any(file == name and (wanted is None or (line, within) in wanted) for file, line, within in places)
        ]
        chosen.sort(key=lambda nodeid: reach.seconds[nodeid])
        if not chosen:
            return Outcome(mutant, "untested", 0)
        if changes is None:
            return Outcome(mutant, self._imported_anew(mutant, chosen), len(chosen))

        def run() -> int:
            for function, code in changes:
                function.__code__ = code
            until = time.process_time() + self._seconds
            for nodeid in chosen:
                _limit_cpu(5 + 5 * reach.seconds[nodeid])
                if not self._passes(items[nodeid], None):
                    return 1
                if time.process_time() > until:
                    break
            return 0

        ended = _forked(run)
        return Outcome(mutant, "survived" if ended == 0 else "killed" if ended == 1 else "timeout", len(chosen))

    def _imported_anew(self, mutant: Mutant, chosen: Sequence[str]) -> Verdict:
        """The tests in a new process, where the module is imported from the text of the mutant."""
        with tempfile.NamedTemporaryFile("w", suffix=".json") as order:
            json.dump([str(mutant.place.path), mutant.mutated, chosen[:60]], order)
            order.flush()
            try:
                done = subprocess.run(
                    [sys.executable, "-m", "tools.mutants.trial", order.name],
                    capture_output=True,
                    timeout=20 * (self._seconds + 30),
                    check=False,
                )
            except subprocess.TimeoutExpired:
                return "timeout"
        return "survived" if done.returncode == 0 else "killed"


def _limit_cpu(seconds: float) -> None:
    """Ends this process by a signal when it takes so much more CPU time: a change may make a loop endless."""
    limit = int(time.process_time() + seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))


def _forked(run: Callable[[], int]) -> int:
    """What `run` gives in a fork of this process; negative where a signal ends it."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        ended = 1
        try:
            null = os.open(os.devnull, os.O_RDWR)
            for stream in (1, 2):
                os.dup2(null, stream)
            ended = run()
        finally:
            os._exit(ended)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _main() -> int:
    path, text, nodeids = json.loads(Path(sys.argv[1]).read_text())
    Planted(Path(path), text).install()
    return int(pytest.main(["-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", *nodeids]))


if __name__ == "__main__":
    raise SystemExit(_main())
