"""Runs of cnpfix from a process that has imported it already: a fleet has thousands of them, and most are short.

The starter (`rewriter.cli.starter`) forks a process for each run, so that what one does to itself hurts no other. One
that something killed is replaced by a new one.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, field

from rewriter.bot.token import ALL_VARIABLES
from rewriter.records import dataclass


@dataclass(frozen=True, slots=True)
class Job:
    """A run: its arguments and folder, the lock that it holds, and the file for its outcome, which rests on `key`.

    `output` is the file that it makes, if it makes one; `printed` takes what it prints as its message; `variables`
    are the environment; `timeout` is in seconds.
    """

    arguments: Sequence[str]
    folder: str
    lock: str
    outcome: str
    key: str
    output: str | None
    printed: bool
    timeout: int
    variables: Mapping[str, str]

    @staticmethod
    def read(line: bytes) -> Job:
        """The job of a line."""
        return Job(**json.loads(line))

    def line(self) -> bytes:
        """The job as a line for the starter's stdin."""
        return json.dumps(asdict(self)).encode() + b"\n"


class StarterLostError(Exception):
    """The starter ended, and what it had started with it, as far as anyone can tell."""


@dataclass(eq=False)
class Starter:
    """A starter's process; one run at a time."""

    process: subprocess.Popen[bytes] = field(init=False)
    _unread: bytes = b""

    def __post_init__(self) -> None:
        variables = {name: value for name, value in os.environ.items() if name not in ALL_VARIABLES}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "rewriter.cli.starter"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=variables,
            start_new_session=True,
            bufsize=0,
        )

    def run(self, job: Job) -> int | None:
        """The exit code of a run (negative: the signal that ended it), None where its time is over.

        Raises StarterLostError.
        """
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(job.line())
        except OSError:
            raise StarterLostError from None
        pid = int(self._line(None))
        try:
            ended = self._line(job.timeout)
        except TimeoutError:
            _end(pid)
            self._line(None)
            return None
        except BaseException:
            _end(pid)
            raise
        return int(ended)

    def close(self) -> None:
        """Ends the process."""
        assert self.process.stdin is not None and self.process.stdout is not None
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()

    def _line(self, seconds: float | None) -> bytes:
        assert self.process.stdout is not None
        until = None if seconds is None else time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._unread:
                if not selector.select(None if until is None else max(0.0, until - time.monotonic())):
                    raise TimeoutError
                data = os.read(self.process.stdout.fileno(), 4096)
                if not data:
                    raise StarterLostError
                self._unread += data
        line, _, self._unread = self._unread.partition(b"\n")
        return line


_idle: list[Starter] = []


def run(job: Job) -> int | None:
    """Runs a job by a starter that is idle, or a new one; the exit code, or None where its time is over.

    A starter that is lost counts as a run that something killed.
    """
    try:
        starter = _idle.pop()
    except IndexError:
        starter = Starter()
    try:
        code = starter.run(job)
    except StarterLostError:
        starter.close()
        return -signal.SIGKILL
    except BaseException:
        starter.close()
        raise
    _idle.append(starter)
    return code


def _end(pid: int) -> None:
    """Ends a run with all that it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


@atexit.register
def _close_all() -> None:
    while _idle:
        _idle.pop().close()
