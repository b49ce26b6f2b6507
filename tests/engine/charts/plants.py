"""Mistakes planted into the templates of real charts: how many are found and fixed, and that no rendering goes wrong.

`python -m tests.engine.charts.plants [FOLDER] [STEP]` prints a table; every STEP-th plant is tried.
A plant is a rule of literal text below the literal `ingress:` or `egress:` of a policy. After the fix, each value set
must render what it rendered before the plant, plus the rule as it ought to be.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rewriter.discovery import FoundFile
from rewriter.engine.fixer import fixer_for
from rewriter.engine.opening import open_workspace
from rewriter.engine.run_options import Options
from rewriter.engine.workspace import Request
from rewriter.inventory.render.helm import Helm, HelmError
from tests.programs import find

CHARTS = Path(__file__).parents[4] / "shared" / "corpus" / "charts"
_DIRECTION = re.compile(r"^( *)(ingress|egress):[ \t]*$")
_KIND = re.compile(r"^kind: *[\"']?(CiliumNetworkPolicy|CiliumClusterwideNetworkPolicy|NetworkPolicy)\b")
_CONTROL = re.compile(r"^\s*\{\{-?\s*(?:if|with|range|else|end|/\*)")
#: By kind and direction: the mistake, each line as a list item of the rules.
CILIUM = {
    "egress": [
        '- toFQDNs:\n    - matchPattern: "**.planted.example.com"',
        "- toCIDR:\n    - 192.0.2.7 # planted",
        "- toCIDR: [2001:db8::7] # planted",
        "- toCIDR:\n    - 192.0.2.0/24 # planted\n  toEntities:\n    - host",
        "- toEndpoints:\n    - matchLabels:\n        planted: a\n  toRequires:\n    - matchLabels:\n        planted: b",
        "- toEndpoint:\n    - matchLabels:\n        planted: a",
        "- toEndpoints:\n    - matchlabels:\n        planted: a",
    ],
    "ingress": [
        "- fromCIDR:\n    - 192.0.2.7 # planted",
        "- fromEndpoints:\n    - matchLabels:\n        planted: a\n  fromEntities:\n    - host",
        "- fromEndpoints:\n    - matchLabels: {planted: a}\n  fromRequires:\n    - matchLabels: {planted: b}",
    ],
}
NETWORK = {
    "egress": [
        "- to:\n    - podSelectors:\n        matchLabels:\n          planted: a",
        "- to:\n    - ipBlock:\n        cidr: 192.0.2.7 # planted",
        "- port:\n    - port: 80 # planted\n  to: []",
        "- to:\n    - podselector:\n        matchLabels:\n          planted: a",
        "- toPorts: # planted\n    - port: 80",
    ],
    "ingress": [
        "- from:\n    - podSelectors:\n        matchLabels:\n          planted: a",
        "- from:\n    - podselector:\n        matchLabels:\n          planted: a",
        "- from:\n    - ipBlock:\n        cidr: 192.0.2.7 # planted",
        "- port:\n    - port: 80 # planted\n  from: []",
        "- from:\n    - namespaceSelectors:\n        matchLabels:\n          planted: a",
    ],
}


@dataclass(frozen=True)
class Plant:
    """A template with a mistake at a line (0-based)."""

    template: Path
    line: int
    text: str
    mistake: str


def plants(folder: Path) -> Iterator[Plant]:
    """Every mistake at every literal list of rules of a folder's templates."""
    for template in sorted(folder.glob("**/templates/**/*.y*ml")):
        text = template.read_text("utf-8", "replace")
        if "NetworkPolicy" not in text:
            continue
        lines = text.split("\n")
        kind = ""
        for number, line in enumerate(lines):
            match = _KIND.match(line)
            kind = match[1] if match else "" if line.startswith("---") else kind
            direction = _DIRECTION.match(line)
            if not kind or direction is None:
                continue
            below = [each for each in lines[number + 1 :] if each.strip() and not _CONTROL.match(each)]
            item = below[0] if below else ""
            filled = re.search(r"nindent (\d+)", item)
            item = " " * int(filled[1]) + "- " if filled else item
            indent = len(item) - len(item.lstrip())
            if not item.lstrip().startswith("- ") or indent < len(direction[1]):
                indent = len(direction[1]) + 2
            for mistake in (NETWORK if kind == "NetworkPolicy" else CILIUM)[direction[2]]:
                rows = [" " * indent + each for each in mistake.split("\n")]
                yield Plant(
                    template, number + 1, "\n".join([*lines[: number + 1], *rows, *lines[number + 1 :]]), mistake
                )


def tried(root: Path, plant: Plant, helm: Helm) -> str:
    """What becomes of a plant: `fixed`, `WRONG: …`, `not found`, or why it is left."""
    relative = str(plant.template.relative_to(root))
    workspace = open_workspace(Request((str(_chart(root, plant.template)),), ignore_config=True), lambda _: None)
    found = FoundFile(str(plant.template))
    # A planted rule beside the chart's own may look like one that was split; that is no part of the plant.
    ignore = frozenset({"split-rule"})
    fixer = fixer_for(workspace, Options(workspace.from_version, workspace.to_version, None, ignore, unsafe_fixes=True))
    result = fixer.fix_file(found, plant.text.encode())
    if result.errors:
        return f"error: {result.errors[0]}"
    first, last = plant.line + 1, plant.line + 1 + plant.mistake.count("\n")
    mine = [each for each in result.findings if first <= each.location.line <= last]
    if not result.changed:
        if not mine:
            notes = [each.finding.message for each in result.findings if each.finding.id == "template"]
            return f"not read: {notes[0]}" if notes else "not found"
        reasons = [each.not_fixed or each.finding.advice or "no fix" for each in mine]
        return f"left: {reasons[0]}"
    wrong = _wrong(root, plant, result.after, helm)
    return f"WRONG: {relative}: {wrong}" if wrong else "fixed"


def _wrong(root: Path, plant: Plant, after: str, helm: Helm) -> str:
    """How the renderings of the fixed template differ from the original in more than lines about the plant."""
    old = plant.template.read_text("utf-8", "replace")
    chart = _chart(root, plant.template)
    rest = after.split("\n")
    kept = old.split("\n")
    position = 0
    for line in kept:
        while position < len(rest) and rest[position] != line:
            position += 1
        if position == len(rest):
            return f"the line {line!r} is gone"
        position += 1
    try:
        before, now = (_rendered(helm, chart, plant.template, text) for text in (old, after))
    except HelmError:
        return ""
    position = 0
    lines = now.split("\n")
    for line in before.split("\n"):
        while position < len(lines) and lines[position] != line:
            position += 1
        if position == len(lines):
            return f"the rendered line {line!r} is gone"
        position += 1
    return ""


def _rendered(helm: Helm, chart: Path, template: Path, text: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "chart"
        shutil.copytree(chart, copy, symlinks=False, ignore_dangling_symlinks=True)
        (copy / template.relative_to(chart)).write_text(text, "utf-8")
        return helm.render(copy, "r", "n", {})


def _chart(root: Path, template: Path) -> Path:
    folders = [each for each in template.parents if (each / "Chart.yaml").is_file() and each.is_relative_to(root)]
    return folders[-1]


def table(folder: Path, step: int = 1) -> Counter[str]:
    """The outcomes of every `step`-th plant."""
    helm = Helm(find("helm") or "helm")
    counts: Counter[str] = Counter()
    for number, plant in enumerate(plants(folder)):
        if number % step == 0:
            outcome = tried(folder, plant, helm)
            counts[re.sub(r"`[^`]*`", "…", outcome)] += 1
            if "-v" in sys.argv:
                print(plant.template.relative_to(folder), repr(plant.mistake), outcome, flush=True)
    return counts


def main() -> None:
    arguments = [each for each in sys.argv[1:] if each != "-v"]
    folder = Path(arguments[0]) if arguments else CHARTS
    counts = table(folder.resolve(), int(arguments[1]) if len(arguments) > 1 else 1)
    total = sum(counts.values())
    for outcome, count in counts.most_common():
        print(f"{count:5} {100 * count / total:5.1f} %  {outcome}")


if __name__ == "__main__":
    main()
