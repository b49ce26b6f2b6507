"""Runs a program in an empty home of its own, without input, for a limited time and with limited output."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import takewhile
from typing import Any

#: What one run may write. The largest charts of the field render to less than 5 MB.
MOST_BYTES = 64 << 20
_LOOK_SECONDS = 0.5


class ProcessError(Exception):
    """Why a program did not do it: one line."""


def run_apart(command: Sequence[str], seconds: int, environment: Callable[[str], Mapping[str, str]]) -> str:
    """What a program prints. `environment` gives all of its environment for the path of its home.

    Raises ProcessError where it fails, takes too long or writes too much; then it is killed with all its children.
    """
    import tempfile  # Not where nothing is made.

    with tempfile.TemporaryDirectory(prefix="cnpfix-home-") as home, tempfile.TemporaryFile() as out:
        with tempfile.TemporaryFile() as err:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=dict(environment(home)),
                cwd=home,
                start_new_session=True,
            )
            name = os.path.basename(command[0])  # noqa: PTH119 - str throughout
            try:
                code = _ended(process, seconds, (out.fileno(), err.fileno()), name)
            finally:
                _end(process)
            if code:
                raise ProcessError(_reason(_text(err), name))
        return _text(out)


def _ended(process: subprocess.Popen[bytes], seconds: int, written: Sequence[int], name: str) -> int:
    """The exit code of a run. Raises ProcessError where it takes too long or writes too much."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return _wait(process, min(_LOOK_SECONDS, max(deadline - time.monotonic(), 0)))
        except subprocess.TimeoutExpired:
            if time.monotonic() >= deadline:
                raise ProcessError(f"{name} takes longer than {seconds} s") from None
            if any(os.fstat(file).st_size > MOST_BYTES for file in written):
                raise ProcessError(f"{name} writes more than {MOST_BYTES >> 20} MB") from None


def _wait(process: subprocess.Popen[bytes], seconds: float) -> int:
    """The exit code of a run as soon as it ends. Raises TimeoutExpired.

    Where the system reports the end, this waits for it: `subprocess` itself would look every twentieth of a second.
    """
    try:
        descriptor = os.pidfd_open(process.pid)
    except (AttributeError, OSError):
        return process.wait(seconds)
    try:
        ended = select.poll()
        ended.register(descriptor, select.POLLIN)
        ended.poll(seconds * 1000)
    finally:
        os.close(descriptor)
    return process.wait(0)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends a run with all that it started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _text(file: Any) -> str:
    file.seek(0)
    return str(file.read(MOST_BYTES).decode("utf-8", "replace"))


def _reason(message: str, name: str) -> str:
    """The line of a program's message that says why."""
    lines = [_unlogged(line) for line in message.splitlines() if line.strip()]
    starts = [number for number, line in enumerate(lines) if line.lower().startswith("error:")]
    # Lines that belong to the last error are indented.
    own = lines[starts[-1] :] if starts else lines[-1:] or [f"{name} failed without a message"]
    more = takewhile(lambda line: line.startswith((" ", "\t")), own[1:])
    words = " ".join(line.strip() for line in (re.sub(r"^error:", "", own[0], flags=re.IGNORECASE), *more))
    return words if len(words) < 240 else f"{words[:239]}…"


#: Before an error that a kubectl writes as a line of its log: level and day, time, process, place in its code.
_LOGGED = re.compile(r"^[IWEF]\d{4} \d\d:\d\d:\d\d\.\d+ +\d+ [^\]]*\] (\"[^\"]*\" err=)?")


def _unlogged(line: str) -> str:
    """A line of a log as the message in it, so that two runs give the same words."""
    header = _LOGGED.match(line)
    if header is None:
        return line
    rest = line[header.end() :]
    if header[1]:
        try:
            rest = " ".join(str(json.loads(rest)).split())
        except ValueError:  # Go writes some characters otherwise than JSON has them.
            rest = rest.strip('"')
    return f"error: {rest}"
