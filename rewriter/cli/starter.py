"""Starts runs of cnpfix for a fleet, each in a process forked from this one, which has all modules already.

It reads a job a line from stdin (`rewriter.fleet.starter.Job`), and writes two lines for each: the process, and the
exit code with which it ended (negative: the signal).
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import pkgutil
import signal
import sys
import tempfile
import traceback
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import IO

import rewriter
from rewriter.cli import run
from rewriter.evidence.policy_outline import keep_outlines
from rewriter.fleet.outcome import GOOD_CODES, Outcome, held
from rewriter.fleet.starter import Job
from rewriter.inventory.snapshots.form import SnapshotError, keep_snapshot, kept_policies

#: What a run ends with that fails as no run should.
_FAILED = 70
_LAST_LINES = 3
_MOST_MESSAGE = 1 << 16


def main() -> int:
    """Starts what stdin asks for, until it ends."""
    _import_all()
    # As in every run: a collection now and then costs a third of it, and finds nothing.
    gc.set_threshold(200_000, 50, 50)
    gc.collect()
    gc.freeze()
    answers = os.dup(sys.stdout.fileno())
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, sys.stdout.fileno())
    for line in sys.stdin.buffer:
        job = Job.read(line)
        _keep_facts(job.arguments)
        pid = os.fork()
        if pid == 0:
            os.close(answers)
            os._exit(_run_apart(job, nothing))
        os.write(answers, f"{pid}\n".encode())
        _, status = os.waitpid(pid, 0)
        os.write(answers, f"{os.waitstatus_to_exitcode(status)}\n".encode())
    return 0


def _import_all() -> None:
    for module in pkgutil.walk_packages(rewriter.__path__, "rewriter."):
        if not module.name.endswith("__main__"):
            with contextlib.suppress(ImportError):  # Of an extra that is not installed.
                importlib.import_module(module.name)


def _keep_facts(arguments: Sequence[str]) -> None:
    """Reads the facts that a run is given here, once: those of a fleet are large, and all its runs have them alike."""
    paths = [Path(after) for word, after in pairwise(arguments) if word == "--inventory"]
    try:
        if sum(map(keep_snapshot, paths)):
            keep_outlines(policy.manifest for policy in kept_policies())
            gc.collect()
            gc.freeze()
    except (SnapshotError, RecursionError):  # The run will say so.
        pass


def _run_apart(job: Job, nothing: int) -> int:
    """The forked process: in a session of its own, so that helm and git, which it starts, end with it."""
    try:
        os.setsid()
        with tempfile.TemporaryFile() as errors, tempfile.TemporaryFile() as output:
            for descriptor, taken in enumerate((nothing, output.fileno() if job.printed else nothing, errors.fileno())):
                os.dup2(taken, descriptor)
            # Where the fleet's run is gone, its limit is kept here.
            signal.alarm(job.timeout + 5)
            return _run_once(job, output, errors)
    except BaseException:
        return _FAILED


def _run_once(job: Job, output: IO[bytes], errors: IO[bytes]) -> int:
    """Runs the job, unless a process that outlived its fleet has done so."""
    file = Path(job.outcome)
    with held(Path(job.lock)):
        before = Outcome.read(file)
        if before is not None and before.key != job.key:
            before = None
        made = job.output is None or Path(job.output).is_file()
        if before is not None and before.code in GOOD_CODES and made:
            return before.code
        begun = 1 if before is None else before.begun + 1
        Outcome(job.key, begun).write(file)
        if job.output is not None:
            Path(job.output).unlink(missing_ok=True)
        code = _run(job)
        Outcome(job.key, begun, code, _message(job, code, output, errors)).write(file)
        return code


def _message(job: Job, code: int, output: IO[bytes], errors: IO[bytes]) -> str:
    """What a run says at its end: of requests that failed its report says why, as long as nothing else was wrong."""
    if job.printed and code == 0:
        return _last_lines(output, 1)
    return _last_lines(errors, _LAST_LINES) or (_last_lines(output, 2 * _LAST_LINES) if job.printed else "")


def _run(job: Job) -> int:
    os.chdir(job.folder)
    os.environ.clear()
    os.environ.update(job.variables)
    try:
        return run(list(job.arguments))
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else _FAILED
    except BaseException:
        traceback.print_exc()
        return _FAILED
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def _last_lines(file: IO[bytes], count: int) -> str:
    file.seek(max(0, file.seek(0, os.SEEK_END) - _MOST_MESSAGE))
    lines = filter(None, map(str.strip, file.read().decode("utf-8", "replace").splitlines()))
    return " ".join([*lines][-count:])


if __name__ == "__main__":
    sys.exit(main())
