"""The goals for speed, each a row: processor seconds, so that what else the machine does counts little.

A row that is OVER is a goal that is not met. Its bound stays.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.bench import cluster, hubble, shapes
from tests.bench.measure import Table, fastest, peak_megabytes
from tests.bench.trees import MESH, policy, write_tree

CNPFIX = str(Path(sys.executable).with_name("cnpfix"))
#: A run that takes more processor seconds than a shape may is ended.
MOST_SECONDS = 30
#: Growth from 1 to 16 times the size, over 16.
MOST_GROWTH = 1.5
POLICIES = 600
#: Lines of Hubble that are read; more take as many times as long.
HUBBLE_LINES = 250_000
_AGAIN = 3
#: The passes that there were first, and by how much all of them together may cost more than these.
_FIRST, MOST_OF_LATER_PASSES = 15, 1.33


def measure(table: Table, folder: Path, rounds: int) -> None:
    folder.mkdir()
    (python, version) = fastest([[sys.executable, "-c", "pass"], [CNPFIX, "--version"]], rounds * 3, processor=True)
    table.ratio("start / python -c pass", version, python, 2)
    tree = _tree(folder)  # Written a while before it is read, as files of a work tree are.
    _policies(table, folder)
    _changed(table, tree)
    _cluster(table, folder)
    seconds, memory = cluster.all_pairs()
    table.value("all pairs of 100,000 pods, 10,000 policies", seconds, 30, "s")
    table.megabytes("all pairs of 100,000 pods, peak memory", memory, 1024)
    clock = hubble.seconds_of_two(folder / "flows.json", HUBBLE_LINES)
    table.value("Hubble, 5,000,000 lines (20 × a 20th)", clock * 5_000_000 / HUBBLE_LINES, 20, "s")
    _shapes(table, folder)


def _policies(table: Table, folder: Path) -> None:
    """Processor milliseconds of a policy that is clean, and of one that is fixed and proved, beside the start."""
    mesh = folder / "mesh.toml"
    mesh.write_text(MESH)
    for name, clean, options, bound in (
        ("a clean policy", True, [], 1.0),
        ("a fixed and proved policy", False, ["--config", str(mesh)], 4.0),
    ):
        one, many = folder / f"one-{clean}", folder / f"many-{clean}"
        for tree, count in ((one, 1), (many, POLICIES)):
            tree.mkdir()
            for number in range(count):
                text = policy(number if clean else number * 10, clean=clean)
                (tree / f"policy-{number}.yaml").write_text(text)
        taken = _of_each([one, many], options)
        table.value(name, taken * 1000, bound, "ms")
        if clean:
            first = _of_each([one, many], ["--select", ",".join(f"CNP{number:03}" for number in range(1, _FIRST + 1))])
            table.value(f"a clean policy, all passes / the first {_FIRST}", taken / first, MOST_OF_LATER_PASSES, "×")


def _of_each(trees: Sequence[Path], options: Sequence[str]) -> float:
    """Processor seconds of each policy more that a tree has: of one policy, and of `POLICIES`."""
    few, more = (
        min(_dry_run_of(tree, options) for _ in range(times)) for tree, times in zip(trees, (_AGAIN, 2), strict=True)
    )
    return (more - few) / (POLICIES - 1)


def _dry_run_of(tree: Path, options: Sequence[str]) -> float:
    return _seconds([CNPFIX, "--dry-run", "--no-cache", "-j", "1", *options, str(tree)])


def _tree(folder: Path) -> Path:
    """A work tree of git of 20,000 manifests."""
    tree = folder / "changed"
    write_tree(tree, 20_000, 200)
    (tree / "cnpfix.toml").write_text(MESH)
    subprocess.run(["git", "init", "-q", str(tree)], check=True)
    subprocess.run(["git", "-C", str(tree), "add", "."], check=True)
    return tree


def _changed(table: Table, tree: Path) -> None:
    """One file among 20,000 manifests, as a hook gives it: with an empty cache, a full one, and one that was filled
    before the file and another were edited."""
    holders = [path for path in sorted(tree.rglob("*.yaml")) if "CiliumNetworkPolicy" in path.read_text()]
    service = next(path for path in sorted(tree.rglob("*.yaml")) if "kind: Service" in path.read_text())
    command = [CNPFIX, "--check", "-j", "1", "--cache-dir", str(tree.parent / "cache")]
    command.append(str(holders[0].relative_to(tree)))
    table.value("one file of 20,000, first run", _hook(command, tree), 3, "s")
    table.value("one file of 20,000, again", min(_hook(command, tree) for _ in range(_AGAIN)), 0.5, "s")
    taken = []
    for number in range(_AGAIN):  # Each run finds an edit that none has seen.
        for path in (holders[0], service):
            path.write_text(f"{path.read_text()}# edited {number}\n")
        taken.append(_hook(command, tree))
    table.value("one file of 20,000, edited", min(taken), 0.5, "s")


def _hook(command: Sequence[str], tree: Path) -> float:
    """Processor seconds of a check in its work tree, whether it finds anything or not."""
    return _seconds(command, fine=(0, 1), folder=tree)


def _shapes(table: Table, folder: Path) -> None:
    """Growth of one dry run with one dimension of its policy; what a policy of one rule takes is taken off.

    What is short is run again, and the least counts: noise in it would be multiplied.
    """
    shapes.write(folder / "idle", shapes.ONE)
    idle = min(_dry_run(folder / "idle") for _ in range(_AGAIN))
    for number, (name, size, files) in enumerate(shapes.SHAPES):
        taken = []
        for factor, times in ((1, _AGAIN), (16, 1)):
            tree = folder / f"shape-{number}-{factor}"
            shapes.write(tree, files(size * factor))
            taken.append(min(_dry_run(tree) for _ in range(times)))
        small, large = (max(seconds - idle, 0.05) for seconds in taken)
        table.value(f"{name}, {size * 16:,}", taken[1], MOST_SECONDS, "s")
        table.value(f"{name}, 16× / 16 times 1×", large / small / 16, MOST_GROWTH, "×")


def _cluster(table: Table, folder: Path) -> None:
    """`impact` on parts of a real cluster: what the whole of it would take, and how that grows."""
    taken = []
    for scale in (0.025, 0.1):
        tree = folder / f"cluster-{scale}"
        cluster.write(tree, scale)
        command = [CNPFIX, "impact", "-j", "1", "--config", str(tree / "cnpfix.toml"), str(tree)]
        taken.append(_seconds(command))
    table.value("impact, a real cluster (10 × a tenth)", taken[1] * 10, 8, "s")
    table.value("impact, a tenth / 4 times a fortieth", taken[1] / taken[0] / 4, MOST_GROWTH, "×")
    table.megabytes("impact, a tenth of it, peak memory", peak_megabytes(command), 300)


def _dry_run(tree: Path) -> float:
    return _seconds([CNPFIX, "--dry-run", "--no-cache", "-j", "1", "--config", str(tree / "cnpfix.toml"), str(tree)])


def _seconds(command: Sequence[str], fine: Sequence[int] = (0,), folder: Path | None = None) -> float:
    """Processor seconds of a command that ends with one of these codes.

    A run that takes more than `MOST_SECONDS` is ended, and takes forever.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    limited = ["sh", "-c", f'ulimit -t {MOST_SECONDS}; exec "$@"', "sh", *command]
    done = subprocess.run(limited, capture_output=True, cwd=folder)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode < 0:
        return float("inf")
    if done.returncode not in fine:
        raise subprocess.CalledProcessError(done.returncode, command, stderr=done.stderr)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
