"""Mistakes planted into the templates of real charts: how many are found and fixed, and that no rendering goes wrong.

`python -m tests.engine.charts.plants [FOLDER] [STEP]` prints a table; every STEP-th plant is tried. A chart keeps the
first three of its ci value sets: one of the field has 59, and each is rendered for each plant.
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
from rewriter.engine.run.fixer import Fixer, fixer_for
from rewriter.engine.run.opening import open_workspace
from rewriter.engine.run.run_options import Options
from rewriter.engine.run.workspace import Request
from rewriter.inventory.releases.values import values_of
from rewriter.inventory.render.helm import Helm, HelmError
from tests.programs import find

CHARTS = Path(__file__).parents[4] / "shared" / "corpus" / "charts"
_DIRECTION = re.compile(r"^( *)(ingress|egress):[ \t]*$")
_KIND = re.compile(r"^kind: *[\"']?(CiliumNetworkPolicy|CiliumClusterwideNetworkPolicy|NetworkPolicy)\b")
_MOST_VALUES = 3
_CONTROL = re.compile(r"^\s*\{\{-?\s*(?:if|with|range|else|end|/\*)")
#: By kind and direction: the mistake, each line as a list item of the rules. None is one whose fix changes other rules
#: (`fromRequires`): lines do not tell whether that is right.
CILIUM = {
    "egress": [
        '- toFQDNs:\n    - matchPattern: "**.planted.example.com"',
        "- toCIDR:\n    - 192.0.2.7 # planted",
        "- toCIDR: [2001:db8::7] # planted",
        "- toCIDR:\n    - 192.0.2.0/24 # planted\n  toEntities:\n    - host",
        "- toEndpoints:\n    - matchLabels:\n        planted: a\n  toCIDRSet:\n    - cidr: 192.0.2.0/24 # planted",
        "- toEndpoint:\n    - matchLabels:\n        planted: a",
        "- toEndpoints:\n    - matchlabels:\n        planted: a",
        "- toEntities:\n    - host # planted\n  toCIDRSet:\n    - cidr: 192.0.2.0/24",
        "- toFQDN:\n    - matchName: planted.example.com",
        "- toCIDRSets:\n    - cidr: 192.0.2.0/24 # planted",
    ],
    "ingress": [
        "- fromCIDR:\n    - 192.0.2.7 # planted",
        "- fromEndpoints:\n    - matchLabels:\n        planted: a\n  fromEntities:\n    - host",
        "- fromEndpoints:\n    - matchLabels: {planted: a}\n  fromCIDRSet:\n    - cidr: 192.0.2.0/24 # planted",
        "- fromCIDR: [2001:db8::7] # planted",
        "- fromCIDR:\n    - 192.0.2.0/24 # planted\n  fromEntities:\n    - host",
        "- fromEndpoint:\n    - matchLabels:\n        planted: a",
        "- fromEndpoints:\n    - matchlabels:\n        planted: a",
        "- fromEndpoints:\n    - matchLabels: {planted: a}\n  fromCIDR:\n    - 192.0.2.7/32 # planted",
        "- fromEntities:\n    - host # planted\n  fromCIDRSet:\n    - cidr: 192.0.2.0/24",
        "- fromCIDRSets:\n    - cidr: 192.0.2.0/24 # planted",
    ],
}
_NETWORK = [
    "- to:\n    - podSelectors:\n        matchLabels:\n          planted: a",
    "- to:\n    - ipBlock:\n        cidr: 192.0.2.7 # planted",
    "- port:\n    - port: 80 # planted\n  to: []",
    "- to:\n    - podselector:\n        matchLabels:\n          planted: a",
    "- toPorts: # planted\n    - port: 80",
    "- to:\n    - namespaceSelectors:\n        matchLabels:\n          planted: a",
    "- to:\n    - ipblock:\n        cidr: 192.0.2.0/24 # planted",
    "- to:\n    - podSelector:\n        matchlabels:\n          planted: a",
    "- to:\n    - podSelector:\n        matchLabel:\n          planted: a",
    "- to:\n    - podSelector:\n        matchLabels: {planted: a}\n  port:\n    - port: 80 # planted",
]
NETWORK = {
    "egress": _NETWORK,
    "ingress": [each.replace("- to:", "- from:").replace("  to:", "  from:") for each in _NETWORK],
}
_READ = re.compile(r"not read|not found|error")


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


class Trial:
    """Tries the plants of a folder's charts; what does not depend on a plant is worked out once for each chart."""

    def __init__(self, root: Path, helm: Helm) -> None:
        self._root = root
        self._helm = helm
        self._fixers: dict[Path, Fixer] = {}
        self._before: dict[Path, list[str]] = {}

    def tried(self, plant: Plant) -> str:
        """What becomes of a plant: `fixed`, `WRONG: …`, `not found`, or why it is left."""
        result = self._fixer(_chart(self._root, plant.template)).fix_file(
            FoundFile(str(plant.template)), plant.text.encode()
        )
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
        wrong = self._wrong(plant, result.after)
        return f"WRONG: {plant.template.relative_to(self._root)}: {wrong}" if wrong else "fixed"

    def _fixer(self, chart: Path) -> Fixer:
        if chart not in self._fixers:
            workspace = open_workspace(Request((str(chart),), ignore_config=True), lambda _: None)
            # A planted rule beside the chart's own may look like one that was split; that is no part of the plant.
            ignore = frozenset({"split-rule"})
            options = Options(workspace.from_version, workspace.to_version, None, ignore, unsafe_fixes=True)
            self._fixers[chart] = fixer_for(workspace, options)
        return self._fixers[chart]

    def _wrong(self, plant: Plant, after: str) -> str:
        """How the renderings of the fixed template differ from the original in more than lines about the plant."""
        old = plant.template.read_text("utf-8", "replace")
        gone = _first_gone(old, after)
        if gone is not None:
            return f"the line {gone!r} is gone"
        if plant.template not in self._before:
            self._before[plant.template] = self._rendered(plant.template, old)
        for before, now in zip(self._before[plant.template], self._rendered(plant.template, after), strict=True):
            gone = _first_gone(before, now)
            if gone is not None:
                return f"the rendered line {gone!r} is gone"
        return ""

    def _rendered(self, template: Path, text: str) -> list[str]:
        """What the chart renders with its own values and the first of its ci values; nothing for what fails."""
        chart = _chart(self._root, template)
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "chart"
            shutil.copytree(chart, copy, symlinks=False, ignore_dangling_symlinks=True)
            (copy / template.relative_to(chart)).write_text(text, "utf-8")
            found = []
            for file in (None, *sorted(chart.glob("ci/*values.yaml"))[:_MOST_VALUES]):
                values = {} if file is None else values_of(file.read_text("utf-8")) or {}
                try:
                    found.append(self._helm.render(copy, "r", "n", values))
                except HelmError:
                    found.append("")
            return found


def _first_gone(before: str, after: str) -> str | None:
    """The first line of a text that another does not have, in order; None where that one has them all."""
    lines = after.split("\n")
    position = 0
    for line in before.split("\n"):
        while position < len(lines) and lines[position] != line:
            position += 1
        if position == len(lines):
            return line
        position += 1
    return None


def _chart(root: Path, template: Path) -> Path:
    folders = [each for each in template.parents if (each / "Chart.yaml").is_file() and each.is_relative_to(root)]
    return folders[-1]


def table(folder: Path, step: int = 1) -> Counter[str]:
    """The outcomes of every `step`-th plant."""
    trial = Trial(folder, Helm(find("helm") or "helm"))
    counts: Counter[str] = Counter()
    for number, plant in enumerate(plants(folder)):
        if number % step == 0:
            outcome = trial.tried(plant)
            counts[re.sub(r"`[^`]*`", "…", outcome)] += 1
            if "-v" in sys.argv:
                print(plant.template.relative_to(folder), repr(plant.mistake), outcome, flush=True)
    return counts


def main() -> None:
    arguments = [each for each in sys.argv[1:] if each != "-v"]
    folder = Path(arguments[0]) if arguments else CHARTS
    with tempfile.TemporaryDirectory() as copy:
        charts = Path(copy).resolve() / "charts"
        shutil.copytree(folder.resolve(), charts, ignore_dangling_symlinks=True)
        for chart in charts.glob("**/Chart.yaml"):
            for file in sorted(chart.parent.glob("ci/*values.yaml"))[_MOST_VALUES:]:
                file.unlink()
        counts = table(charts, int(arguments[1]) if len(arguments) > 1 else 1)
    total = max(sum(counts.values()), 1)
    for outcome, count in counts.most_common():
        print(f"{count:5} {100 * count / total:5.1f} %  {outcome}")
    read = sum(count for outcome, count in counts.items() if not _READ.match(outcome))
    wrong = sum(count for outcome, count in counts.items() if outcome.startswith("WRONG"))
    fixed = counts["fixed"]
    print(f"{total} plants: {100 * read / total:.1f} % found, {100 * fixed / total:.1f} % fixed, {wrong} wrong")


if __name__ == "__main__":
    main()
