"""The examples that `explain` shows are golden cases, and are up to date."""

from __future__ import annotations

import json
import os
import shlex
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from rewriter.cilium.version import DEFAULT_TO
from rewriter.finding import Applicability
from rewriter.passes import PASSES
from rewriter.passes.kit.examples import read_examples

ROOT = Path(__file__).parent.parent.parent
GOLDEN = ROOT / "golden"
DATA = ROOT / "rewriter" / "passes" / "examples.json"
#: The case that is shown of a pass unless the data names another.
PREFERRED = ("example", "article")


def _made(pass_id: str, shown: str | None) -> dict[str, Any]:
    cases = sorted(path.parent for path in (GOLDEN / pass_id).glob("*/findings.json"))
    names = [case.name for case in cases]
    chosen = next((name for name in (*PREFERRED, shown) if name in names), names[0])
    shown_case = GOLDEN / pass_id / chosen
    findings = {each.name: json.loads((each / "findings.json").read_text()) for each in cases}
    used = {item["applicability"] for case in cases if not _overridden(case) for item in findings[case.name]}
    return {
        "case": chosen,
        "upgrade": _upgrade(shown_case),
        "before": next(shown_case.glob("input.*")).read_text(),
        "after": next(shown_case.glob("expected.*")).read_text(),
        "findings": [[item["line"], item["message"]] for item in findings[chosen]],
        "applicabilities": [each.value for each in Applicability if each.value in used],
    }


def _overridden(case: Path) -> bool:
    """Whether the case's config promotes or demotes findings."""
    config = case / "cnpfix.toml"
    return config.exists() and "applicability" in config.read_text()


def _upgrade(case: Path) -> str:
    arguments = shlex.split((case / "args").read_text()) if (case / "args").exists() else []
    given = dict(pairwise(arguments))
    target = given.get("--to", str(DEFAULT_TO))
    return f"--from {given.get('--from', str(DEFAULT_TO.previous))} --to {target}"


def test_the_examples_are_the_golden_cases() -> None:
    """`make golden` writes them anew."""
    shown = json.loads(DATA.read_text()) if DATA.exists() else {}
    made = {
        each.id: _made(each.id, shown.get(each.id, {}).get("case"))
        for each in PASSES
        if list((GOLDEN / each.id).glob("*/findings.json"))
    }
    if os.environ.get("CNPFIX_GOLDEN") == "refresh":
        DATA.write_text(json.dumps(made, indent=2, ensure_ascii=False) + "\n")
        shown = made
    assert shown == made, "stale: run `make golden` and read the diff"


@pytest.mark.parametrize("each", PASSES, ids=lambda each: each.id)
def test_a_pass_has_an_example_that_shows_it(each: Any) -> None:
    example = read_examples().get(each.id)
    assert example is not None, f"no case of golden/{each.id}/ shows what the pass finds"
    assert example.findings
    if set(example.applicabilities) != {"manual"}:
        assert example.before != example.after
