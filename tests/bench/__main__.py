"""Measures cnpfix against references in the same run and prints the ratios; exit 1 when one is over its bound.

`CNPFIX_BENCH=short` measures smaller trees with fewer repetitions, for continuous integration.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench import verdict
from tests.bench.trees import MESH, write_documents, write_tree

SHORT = os.environ.get("CNPFIX_BENCH") == "short"
REPEATS = 3 if SHORT else 5
PYTHON = sys.executable
CNPFIX = [str(Path(PYTHON).with_name("cnpfix"))]
LIBYAML = (
    "import sys,pathlib,yaml\n"
    "for p in sorted(pathlib.Path(sys.argv[1]).rglob('*.yaml')): list(yaml.load_all(p.read_bytes(), yaml.CSafeLoader))"
)


def seconds(command: Sequence[str], cwd: Path | None = None) -> float:
    """The best of a few runs of a command, caches warm."""
    best = float("inf")
    for _ in range(REPEATS + 1):
        start = time.perf_counter()
        subprocess.run(command, cwd=cwd, stdout=subprocess.DEVNULL, check=True)
        best = min(best, time.perf_counter() - start)
    return best


def peak_megabytes(command: Sequence[str]) -> float:
    """The largest resident size of a command's process."""
    code = (
        "import resource,subprocess,sys\n"
        "subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    done = subprocess.run([PYTHON, "-c", code, *command], capture_output=True, check=True, text=True)
    return int(done.stdout) / 1024


class Table:
    """Prints a row per measurement and remembers whether all were within bounds."""

    def __init__(self) -> None:
        self.good = True

    def ratio(self, name: str, measured: float, reference: float, bound: float) -> None:
        ratio = measured / reference
        self._row(name, f"{measured * 1000:8.0f} ms  {reference * 1000:6.0f} ms  {ratio:6.2f}×", ratio, bound, "×")

    def megabytes(self, name: str, measured: float, bound: float) -> None:
        self._row(name, f"{measured:8.0f} MB {'':>20}", measured, bound, " MB")

    def _row(self, name: str, text: str, value: float, bound: float, unit: str) -> None:
        verdict = "ok" if value <= bound else "OVER"
        self.good &= value <= bound
        print(f"{name:<46} {text}  at most {bound:g}{unit}  {verdict}", flush=True)


def growth(table: Table, name: str, times: Sequence[float], sizes: Sequence[int]) -> None:
    """Cost per unit of the largest size against the smallest; start-up is part of both."""
    shown = "  ".join(f"{size}: {value * 1000:.0f} ms" for size, value in zip(sizes, times, strict=True))
    print(f"  {name}: {shown}")
    table.ratio(f"{name}, per unit, {sizes[-1] // sizes[0]}× to 1×", times[-1] / sizes[-1], times[0] / sizes[0], 1.25)


def main() -> int:
    table = Table()
    files, policies = (5_000, 50) if SHORT else (20_000, 200)
    print(f"{'':<46} {'cnpfix':>11}  {'reference':>9}   ratio")
    table.ratio("--version / python -c pass", seconds([*CNPFIX, "--version"]), seconds([PYTHON, "-c", "pass"]), 10)
    verdict.measure(table.ratio)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tree = folder / "tree"
        write_tree(tree, files, policies)
        dry_run = [*CNPFIX, "--dry-run", str(tree)]
        grep = seconds(["grep", "-rlF", "cilium.io/", str(tree)])
        table.ratio(f"{files:,} files, {policies} policies / grep -rlF", seconds(dry_run), grep, 8)
        table.megabytes(f"{files:,} files, peak memory", peak_megabytes(dry_run), 300)
        (folder / "mesh.toml").write_text(MESH)
        mesh = [*dry_run, "--config", str(folder / "mesh.toml")]
        table.ratio(f"{files:,} files, in a mesh / grep -rlF", seconds(mesh), grep, 16)

        dense = folder / "dense"
        write_tree(dense, 2000, 2000)
        dry_run = [*CNPFIX, "--dry-run", str(dense)]
        table.ratio("2,000 policy files / libyaml", seconds(dry_run), seconds([PYTHON, "-c", LIBYAML, str(dense)]), 4)
        table.megabytes("2,000 policy files, peak memory", peak_megabytes(dry_run), 300)

        sizes = [250, 1000, 4000]
        times = []
        for size in sizes:
            write_tree(folder / f"files-{size}", size, size)
            times.append(seconds([*CNPFIX, "--dry-run", str(folder / f"files-{size}")]))
        growth(table, "files", times, sizes)
        times = []
        for size in sizes:
            (folder / f"documents-{size}").mkdir()
            write_documents(folder / f"documents-{size}" / "all.yaml", size)
            times.append(seconds([*CNPFIX, "--dry-run", str(folder / f"documents-{size}")]))
        growth(table, "documents in one file", times, sizes)
        times = []
        for size in sizes:
            config = ["--config", str(folder / "mesh.toml")]
            times.append(seconds([*CNPFIX, "--dry-run", *config, str(folder / f"documents-{size}")]))
        growth(table, "documents in one file, fixed", times, sizes)
    return 0 if table.good else 1


if __name__ == "__main__":
    sys.exit(main())
