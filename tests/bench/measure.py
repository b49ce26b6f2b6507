"""Seconds and megabytes of commands, measured turn by turn so that a busy machine is busy for both sides."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence

Command = Sequence[str]


def fastest(commands: Sequence[Command], rounds: int) -> list[float]:
    """The least wall seconds of each command over some rounds; each round runs every command once. Caches are warm."""
    best = [float("inf")] * len(commands)
    for number in range(rounds + 1):
        for index, command in enumerate(commands):
            start = time.perf_counter()
            subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
            if number:  # The first round warms the caches.
                best[index] = min(best[index], time.perf_counter() - start)
    return best


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
