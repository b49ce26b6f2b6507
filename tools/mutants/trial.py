"""Tries mutants: each in a fork of a process that has imported the code and collected the tests, with the tests that
run the changed statement."""

from __future__ import annotations

import gc
import importlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path
from types import CodeType, FunctionType
from typing import Literal

import pytest

from tools.mutants.draw import Mutant
from tools.mutants.plant import Functions, Planted, swaps
from tools.mutants.watch import Calls, Seen, Statements

#: `killed`: a test fails. `endless`: a test comes to no end, with thirty times its time too. `survived`: all tests that
#: were run pass. `untested`: no test runs the statement. `unclear`: the trial itself broke off.
Verdict = Literal["killed", "endless", "survived", "untested", "unclear"]

#: How a fork ends: no number that Python or pytest ends with by themselves.
PASSED, FAILED = 90, 91
MEMORY = 4 << 30


@dataclass(frozen=True, slots=True)
class Outcome:
    """`tests` is how many were run, of `of` that run the changed statement; `killer` is the one that failed."""

    mutant: Mutant
    verdict: Verdict
    tests: int
    of: int
    killer: str = ""


@dataclass(frozen=True, slots=True)
class _Ended:
    status: int  # Negative where a signal ended the process.
    started: int  # So many tests.


@dataclass(slots=True)
class _Map:
    """What each test that passes without a mutant runs, and its time in seconds of CPU."""

    seen: dict[str, Seen]
    seconds: dict[str, float]


class Trial:
    """A plugin of pytest that tries mutants instead of running the tests once.

    Make it before anything of the code is imported: it watches which functions run on import, since what they gave
    then is no longer what their mutants give.
    """

    def __init__(self, mutants: Sequence[Mutant], seconds: int, report: Callable[[Outcome], None]) -> None:
        self._mutants, self._seconds, self._report = mutants, seconds, report
        self._failed = False
        self._sound: dict[str, bool] = {}
        self._killers: dict[Path, list[str]] = {}
        self._calls = Calls({str(mutant.place.path.resolve()) for mutant in mutants})
        self._calls.start()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._failed = self._failed or report.failed

    def pytest_collection_finish(self) -> None:
        self._calls.stop()

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        items = {item.nodeid: item for item in session.items}
        tested = self._map(items)
        functions = Functions()
        gc.collect()
        gc.freeze()  # The forks share the pages.
        for number, mutant in enumerate(self._mutants):
            self._report(self._outcome(number, mutant, items, tested, functions))
        return True

    def _map(self, items: Mapping[str, pytest.Item]) -> _Map:
        with tempfile.NamedTemporaryFile("r") as written:

            def note(_: Callable[[], None]) -> int:
                Path(written.name).write_text(json.dumps(self._watched(items)))
                return PASSED

            ended = _forked(note)
            assert ended.status == PASSED, "the tests without a mutant do not come to an end"
            seen, seconds, failed = json.load(written)
        for nodeid in failed:
            print(f"fails without a change, and is left out: {nodeid}", flush=True)
        return _Map({nodeid: Seen(*parts) for nodeid, parts in seen.items()}, seconds)

    def _watched(self, items: Mapping[str, pytest.Item]) -> tuple[object, ...]:
        statements = Statements([mutant.place for mutant in self._mutants])
        seen: dict[str, tuple[list[int], list[str]]] = {}
        seconds: dict[str, float] = {}
        failed: list[str] = []
        order = list(items.values())
        for item, following in zip(order, [*order[1:], None], strict=True):
            start = _cpu()
            statements.start()
            lived = self._passes(item, following)
            found = statements.stop()
            seconds[item.nodeid] = _cpu() - start
            if not lived:
                failed.append(item.nodeid)
            elif found.files:
                seen[item.nodeid] = (sorted(found.statements), sorted(found.files))
        return seen, seconds, failed

    def _passes(self, item: pytest.Item, following: pytest.Item | None) -> bool:
        self._failed = False
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        return not self._failed

    def _outcome(
        self, number: int, mutant: Mutant, items: Mapping[str, pytest.Item], tested: _Map, functions: Functions
    ) -> Outcome:
        changes = swaps(mutant, functions)
        name = str(mutant.place.path.resolve())
        if changes is None:
            chosen = [nodeid for nodeid, seen in tested.seen.items() if name in seen.files]
        else:
            chosen = [nodeid for nodeid, seen in tested.seen.items() if number in seen.statements]
        if not chosen:
            return Outcome(mutant, "untested", 0, 0)
        chosen = self._in_turn(mutant, chosen, tested.seconds)
        found = None
        if changes is not None:
            found = self._replaced(mutant, changes, chosen, items, tested.seconds)
        if found is None or (found.verdict == "survived" and self._on_import(changes or ())):
            found = self._imported_anew(mutant, chosen, tested.seconds)
        if found.killer:
            killers = self._killers.setdefault(mutant.place.path, [])
            killers[:] = [found.killer, *(killer for killer in killers if killer != found.killer)][:5]
        return found

    def _on_import(self, changes: Sequence[tuple[FunctionType, CodeType]]) -> bool:
        return any(self._calls.has(function.__code__) for function, _ in changes)

    def _in_turn(self, mutant: Mutant, chosen: Sequence[str], seconds: Mapping[str, float]) -> list[str]:
        """First those that killed the last mutants of the file, then one of each kind of test in turn, fastest first:
        tests of one kind do much the same."""
        kinds: dict[str, list[str]] = {}
        for nodeid in sorted(chosen, key=lambda nodeid: seconds[nodeid]):
            file, _, within = nodeid.partition("::")
            kinds.setdefault(f"{file}::{within.rpartition('/')[0]}", []).append(nodeid)
        rounds = (nodeid for turn in zip_longest(*kinds.values()) for nodeid in turn if nodeid is not None)
        known = [nodeid for nodeid in self._killers.get(mutant.place.path, ()) if nodeid in set(chosen)]
        return list(dict.fromkeys(chain(known, rounds)))

    def _replaced(
        self,
        mutant: Mutant,
        changes: Sequence[tuple[FunctionType, CodeType]],
        chosen: Sequence[str],
        items: Mapping[str, pytest.Item],
        seconds: Mapping[str, float],
    ) -> Outcome:
        left = self._seconds + 0.0
        start, patience = 0, 1

        def run(note: Callable[[], None]) -> int:
            for function, code in changes:
                function.__code__ = code
            until, limit = _cpu() + left, patience
            for nodeid in chosen[start:]:
                note()
                _limit((5 + 5 * seconds[nodeid]) * limit)
                limit = 1
                if not self._passes(items[nodeid], None):
                    return FAILED
                if _cpu() > until:
                    break
            return PASSED

        while True:
            ended = _forked(run)
            tests = start + ended.started
            if ended.status == PASSED:
                return Outcome(mutant, "survived", tests, len(chosen))
            last = chosen[tests - 1]
            if ended.status == FAILED:
                if self._is_sound(items[last], seconds[last]):
                    return Outcome(mutant, "killed", tests, len(chosen), last)
                start, patience = tests, 1
            elif ended.status >= 0 or not tests:
                return Outcome(mutant, "unclear", tests, len(chosen), last)
            elif patience > 1 and ended.started == 1:
                return Outcome(mutant, "endless", tests, len(chosen), last)
            else:  # It was slow, or will come to no end.
                start, patience = tests - 1, 6
            if start >= len(chosen):
                return Outcome(mutant, "survived", tests, len(chosen))

    def _is_sound(self, item: pytest.Item, seconds: float) -> bool:
        """Whether the test passes alone without a mutant."""

        def run(note: Callable[[], None]) -> int:
            _limit(60 + 20 * seconds)
            return PASSED if self._passes(item, None) else FAILED

        if item.nodeid not in self._sound:
            self._sound[item.nodeid] = _forked(run).status == PASSED
            if not self._sound[item.nodeid]:
                print(f"fails alone without a change: {item.nodeid}", flush=True)
        return self._sound[item.nodeid]

    def _imported_anew(self, mutant: Mutant, chosen: Sequence[str], seconds: Mapping[str, float]) -> Outcome:
        """The tests in a new process, where the module is imported from the text of the mutant."""
        some = list(_within(chosen, seconds, self._seconds))
        with tempfile.TemporaryDirectory() as folder:
            order = Path(folder) / "order.json"
            order.write_text(json.dumps([str(mutant.place.path), mutant.mutated, some]))
            try:
                done = subprocess.run(
                    [sys.executable, "-m", "tools.mutants.trial", str(order)],
                    capture_output=True,
                    env=os.environ | {"XDG_CACHE_HOME": folder},
                    timeout=20 * (self._seconds + 30),
                    check=False,
                )
            except subprocess.TimeoutExpired:
                return Outcome(mutant, "endless", len(some), len(chosen))
        if done.returncode == pytest.ExitCode.OK:
            return Outcome(mutant, "survived", len(some), len(chosen))
        failed = done.returncode in (FAILED, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED)
        return Outcome(mutant, "killed" if failed else "unclear", len(some), len(chosen))


def _within(chosen: Sequence[str], seconds: Mapping[str, float], most: float) -> Iterator[str]:
    """As many as take no more than `most` seconds, and one at least."""
    spent = 0.0
    for nodeid in chosen:
        yield nodeid
        spent += seconds[nodeid]
        if spent > most:
            return


def _cpu() -> float:
    """The CPU time of this process and of those that it waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _limit(seconds: float) -> None:
    """Ends this process by a signal when it takes so much more CPU time, or much longer than that by the clock."""
    limit = int(time.process_time() + seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))
    signal.alarm(60 + 10 * int(seconds))


def _forked(run: Callable[[Callable[[], None]], int]) -> _Ended:
    """What `run` gives in a fork of this process, which finds nothing in the caches that another run has filled."""
    sys.stdout.flush()
    cache = tempfile.mkdtemp(prefix="mutants-")
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        ended = 1
        try:
            os.setpgid(0, 0)
            os.environ["XDG_CACHE_HOME"] = cache
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, resource.RLIM_INFINITY))
            null = os.open(os.devnull, os.O_RDWR)
            for stream in (1, 2):
                os.dup2(null, stream)
            ended = run(lambda: _noted(write))
        finally:
            os._exit(ended)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        _kill_group(child)
        started = len(pipe.read())
    shutil.rmtree(cache, ignore_errors=True)
    return _Ended(status, started)


def _noted(pipe: int) -> None:
    os.write(pipe, b".")


def _kill_group(leader: int) -> None:
    """Ends what a fork started and did not wait for."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def _main() -> int:
    path, text, nodeids = json.loads(Path(sys.argv[1]).read_text())
    planted = Planted(Path(path), text)
    planted.install()
    try:
        importlib.import_module(planted.name)
    except Exception:  # Whatever it is, a user would see it at once.
        return FAILED
    return int(pytest.main(["-q", "-x", "--tb=no", "-p", "no:cacheprovider", "-p", "no:xdist", *nodeids]))


if __name__ == "__main__":
    raise SystemExit(_main())
