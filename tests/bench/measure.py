"""Seconds and megabytes of commands, measured turn by turn so that a busy machine is busy for both sides."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence

Command = Sequence[str]

#: A least time that falls by less than this is the least there is.
_STEADY = 0.98
#: As many times the rounds asked for are run at most, until no least time falls any more.
_MOST = 4


def fastest(commands: Sequence[Command], rounds: int, *, processor: bool = False) -> list[float]:
    """The least seconds of each command; each round runs every command once. Caches are warm.

    Wall time, or that of the processor in all processes of the command: for sides that run the same way, so that only
    the work counts. Rounds go on until none of the least times has fallen for as many rounds as asked for: when that
    is does not depend on what would suit anybody.
    """
    best = [float("inf")] * len(commands)
    for command in commands:  # The first round warms the caches.
        _seconds(command)
    steady = 0
    for _ in range(rounds * _MOST):
        steady += 1
        for index, command in enumerate(commands):
            seconds = _seconds(command)[processor]
            if seconds < best[index] * _STEADY:
                steady = 0
            best[index] = min(best[index], seconds)
        if steady >= rounds - 1:
            break
    return best


def _seconds(command: Command) -> tuple[float, float]:
    """Wall and processor seconds of a command that must succeed."""
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return wall, used.ru_utime + used.ru_stime


def peak_megabytes(command: Command) -> float:
    """The largest resident size among a command's processes."""
    code = (
        "import resource,subprocess,sys\n"
        "subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    done = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, check=True, text=True)
    return int(done.stdout) / 1024


class Table:
    """Prints a row per measurement and remembers whether all were within bounds."""

    def __init__(self) -> None:
        self.good = True
        print(f"{'':<46} {'cnpfix':>11}  {'reference':>9}   ratio")

    def ratio(self, name: str, measured: float, reference: float, bound: float) -> None:
        ratio = measured / reference
        self._row(name, f"{measured * 1000:8.0f} ms  {reference * 1000:6.0f} ms  {ratio:6.2f}×", ratio, bound, "×")

    def megabytes(self, name: str, measured: float, bound: float) -> None:
        self._row(name, f"{measured:8.0f} MB {'':>20}", measured, bound, " MB")

    def value(self, name: str, measured: float, bound: float, unit: str) -> None:
        """A number of its own, with no reference."""
        self._row(name, f"{measured:8.2f} {unit:<2} {'':>20}", measured, bound, f" {unit}")

    def growth(self, name: str, sizes: Sequence[int], seconds: Sequence[float], bound: float) -> None:
        """Cost per unit of each size against that of the smallest; start-up is part of both."""
        shown = "  ".join(f"{size:,}: {value * 1000:.0f} ms" for size, value in zip(sizes, seconds, strict=True))
        print(f"  {name}: {shown}")
        for size, value in zip(sizes[1:], seconds[1:], strict=True):
            times = size // sizes[0]
            self.ratio(f"{name}, {times}× / {times} times 1×", value, seconds[0] * times, bound)

    def _row(self, name: str, text: str, value: float, bound: float, unit: str) -> None:
        verdict = "ok" if value <= bound else "OVER"
        self.good &= value <= bound
        print(f"{name:<46} {text}  at most {bound:g}{unit}  {verdict}", flush=True)
