"""How long it takes to render the releases of a tree with the real helm: at first, and once the results are kept.

A hundred releases of charts of `../shared/corpus/charts`, each with values of its own. Skipped where helm or the corpus
is not there.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rewriter.engine.run.opening import open_workspace
from rewriter.engine.run.workspace import Request
from tests.programs import BUILD, find

CHARTS = Path(__file__).parents[3] / "shared" / "corpus" / "charts"
NAMES = (
    "cert-manager",
    "ingress-nginx",
    "kube-state-metrics",
    "prometheus-node-exporter",
    "promtail",
    "loki-distributed",
    "reloader",
    "snapshot-controller",
)
RELEASES = 100
#: Seconds for all releases: at first, and with every result kept (those of the processor, since it waits for nothing).
COLD, WARM = 20.0, 1.0
_RELEASE = """apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {{name: {name}, namespace: space-{number}}}
spec:
  chart: {{spec: {{chart: ./charts/{chart}, sourceRef: {{kind: GitRepository, name: own}}}}}}
  values: {{podLabels: {{number: "{number}"}}}}
"""


def write_releases(tree: Path, count: int = RELEASES) -> None:
    """A tree with the charts, and releases of them in turn."""
    found = {file.parent.name: file.parent for file in sorted(CHARTS.glob("**/Chart.yaml"))}
    (tree / "releases").mkdir(parents=True)
    for name in NAMES:
        shutil.copytree(found[name], tree / "charts" / name, copy_function=shutil.copyfile)
    for number in range(count):
        chart = NAMES[number % len(NAMES)]
        text = _RELEASE.format(name=f"{chart}-{number}", number=number, chart=chart)
        (tree / "releases" / f"{number}.yaml").write_text(text)


def seconds(tree: Path, clock: Callable[[], float]) -> tuple[float, int]:
    """How long it takes to know what the releases of a tree make, and how many are known in full."""
    here = Path.cwd()
    os.chdir(tree)
    try:
        start = clock()
        workspace = open_workspace(Request(render="auto"), lambda _count: None)
        made = workspace.inventory.releases
        return clock() - start, sum(each.complete for each in made)
    finally:
        os.chdir(here)


def cold_and_warm(folder: Path, count: int = RELEASES) -> tuple[float, float, int]:
    """The two times in seconds, and the number of releases that are rendered; the cache is the folder's own."""
    write_releases(folder / "tree", count)
    kept = {name: os.environ.get(name) for name in ("XDG_CACHE_HOME", "PATH")}
    os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
    os.environ["PATH"] = f"{BUILD}{os.pathsep}{os.environ.get('PATH', '')}"
    try:
        cold, known = seconds(folder / "tree", time.perf_counter)
        warm, _known = seconds(folder / "tree", time.process_time)
    finally:
        for name, value in kept.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
    return cold, warm, known


def main() -> int:
    if find("helm") is None or not CHARTS.is_dir():
        print("  rendering: not measured, there is no helm (make programs) or no corpus of charts in ../shared/corpus")
        return 0
    with tempfile.TemporaryDirectory() as name:
        cold, warm, known = cold_and_warm(Path(name))
    good = cold <= COLD and warm <= WARM and known == RELEASES
    mark = "good" if good else "OVER"
    print(
        f"  {mark}: {known} releases rendered in {cold:.1f} s (at most {COLD:g}), kept {warm:.2f} s (at most {WARM:g})"
    )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
