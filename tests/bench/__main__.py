"""Measures cnpfix against references in the same run and prints the ratios; exit 1 when one is over its bound.

`CNPFIX_BENCH=short` repeats less, for continuous integration; sizes and bounds are the same. With the word `goals` only
the goals for speed are measured.
"""

from __future__ import annotations

import compileall
import importlib.util
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench import goals, hubble, impact, inventory, rendering, verdict
from tests.bench.measure import Table, fastest, peak_megabytes
from tests.bench.trees import MESH, write_documents, write_tree

#: What a run imports.
COMPILED = ("rewriter", "yaml", "ruamel.yaml", "typer", "rich", "jsonpatch", "jsonpointer", "deepdiff", "pathspec")
ROUNDS = 3 if os.environ.get("CNPFIX_BENCH") == "short" else 7
PYTHON = sys.executable
CNPFIX = [str(Path(PYTHON).with_name("cnpfix"))]
#: What is measured is the work, not what an earlier round kept of it.
DRY_RUN = [*CNPFIX, "--dry-run", "--no-cache"]
LIBYAML = (
    "import sys,pathlib,yaml\n"
    "for p in sorted(pathlib.Path(sys.argv[1]).rglob('*.yaml')): list(yaml.load_all(p.read_bytes(), yaml.CSafeLoader))"
)
SIZES = (250, 1000, 4000)


def main() -> int:
    # Installed packages are compiled by their installer or their first run; a checkout's need not be.
    for name in COMPILED:
        place = importlib.util.find_spec(name)
        if place is not None and place.origin is not None:
            compileall.compile_dir(str(Path(place.origin).parent), quiet=1, maxlevels=0 if "json" in name else 10)
    table = Table()
    version, python = fastest([[*CNPFIX, "--version"], [PYTHON, "-c", "pass"]], ROUNDS * 3)
    table.ratio("--version / python -c pass", version, python, 10)
    verdict.measure(table.ratio, ROUNDS)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "mesh.toml").write_text(MESH)
        goals.measure(table, folder / "goals", ROUNDS)
        if "goals" in sys.argv[1:]:
            return 0 if table.good else 1
        _sparse(table, folder)
        _dense(table, folder)
        _growth(table, folder)
        inventory.measure(table, folder / "facts", ROUNDS)
    told, memory = hubble.measure(100_000 if ROUNDS == 3 else 5_000_000)
    print(f"  {told}")
    table.megabytes("Hubble export, peak memory", memory, hubble.MOST_MEMORY)
    impact_good = impact.main() == 0
    rendering_good = rendering.main() == 0
    return 0 if table.good and impact_good and rendering_good else 1


def _sparse(table: Table, folder: Path) -> None:
    """A large repository with few policies."""
    tree, mesh = folder / "tree", ["--config", str(folder / "mesh.toml")]
    write_tree(tree, 20_000, 200)
    grep = ["grep", "-rlF", "cilium.io/", str(tree)]
    plain, in_mesh, found = fastest([[*DRY_RUN, str(tree)], [*DRY_RUN, *mesh, str(tree)], grep], ROUNDS)
    table.ratio("20,000 files, 200 policies / grep -rlF", plain, found, 8)
    # Every one of the 200 policies gets three fixes, each of them proved.
    table.ratio("20,000 files, in a mesh / grep -rlF", in_mesh, found, 16)
    subprocess.run(["git", "init", "-q", str(tree)], check=True)
    subprocess.run(["git", "-C", str(tree), "add", "."], check=True)
    plain, found = fastest([[*DRY_RUN, str(tree)], [*grep, "--exclude-dir=.git"]], ROUNDS)
    table.ratio("20,000 files in git / grep -rlF", plain, found, 8)
    _changed(table, tree, mesh)
    table.megabytes("20,000 files, peak memory", peak_megabytes([*DRY_RUN, *mesh, str(tree)]), 300)


def _changed(table: Table, tree: Path, mesh: list[str]) -> None:
    """What a pull request costs in a large repository: one changed policy, all that was there before is known."""
    author = ["-c", "user.name=bench", "-c", "user.email=bench@localhost"]
    subprocess.run(["git", *author, "-C", str(tree), "commit", "-qm", "all"], check=True)
    known = ["--baseline", str(tree.parent / "known.json")]
    subprocess.run([*CNPFIX, *mesh, *known, "--write-baseline", str(tree)], check=True, stdout=subprocess.DEVNULL)
    policy = next(path for path in sorted(tree.rglob("*.yaml")) if b"CiliumNetworkPolicy" in path.read_bytes())
    policy.write_bytes(policy.read_bytes() + b"# changed\n")
    scoped = [*DRY_RUN, *mesh, *known, "--diff-base", "HEAD", str(tree)]
    changed, everything = fastest([scoped, [*DRY_RUN, *mesh, str(tree)]], ROUNDS)
    table.ratio("one changed file, baseline / all of them", changed, everything, 1)


def _dense(table: Table, folder: Path) -> None:
    """A repository of nothing but policies."""
    dense = folder / "dense"
    write_tree(dense, 2000, 2000)
    run, load = fastest([[*DRY_RUN, str(dense)], [PYTHON, "-c", LIBYAML, str(dense)]], ROUNDS)
    table.ratio("2,000 policy files / libyaml", run, load, 4)
    table.megabytes("2,000 policy files, peak memory", peak_megabytes([*DRY_RUN, str(dense)]), 300)


def _growth(table: Table, folder: Path) -> None:
    """Sixteen times the work takes sixteen times the time, in files and in documents of one file."""
    for size in SIZES:
        write_tree(folder / f"files-{size}", size, size)
        (folder / f"documents-{size}").mkdir()
        write_documents(folder / f"documents-{size}" / "all.yaml", size)
    mesh = ["--config", str(folder / "mesh.toml")]
    for kind, name, options in (
        ("files", "files", []),
        ("documents", "documents in one file", []),
        ("documents", "documents in one file, fixed", mesh),
    ):
        commands = [[*DRY_RUN, *options, str(folder / f"{kind}-{size}")] for size in SIZES]
        table.growth(name, SIZES, fastest(commands, max(2, ROUNDS // 2), processor=True), 1.25)


if __name__ == "__main__":
    sys.exit(main())
