"""What is printed, where it ends up in the log of a CI system: no name and no line of a manifest is a command there."""

from __future__ import annotations

import json
import random
import re
import textwrap
from pathlib import Path

import pytest

from rewriter.output.style import Style, as_json_text, logged
from tests.cli.support import cnpfix

#: GitHub's runner (ActionCommand) looks for `::` behind any white space, and for `##[` anywhere in a line.
OBEYED = re.compile(r"^\s*::|##\w*\[")
MASK = "::add-mask::a"
STOP = "a ##[stop-commands]b ##vso[task.complete]"
POLICY = f"""\
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {{name: "{MASK}", namespace: "", labels: {{a: "{STOP}"}}}}
spec:
  description: |
    {MASK}
    {STOP}
  endpointSelector: {{}}
  egress:
  - toFQDNs: [{{matchPattern: "**.example.com"}}]
---
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {{name: "{MASK} {STOP} and a name so long that it fills a line of its own", namespace: ""}}
spec:
  endpointSelector: {{matchLabels: {{app: "{STOP}"}}}}
  ingress:
  - fromCIDR: ["{STOP}"]
  - fromEndpoints: [{{matchLabels: {{x: y}}}}]
"""
CONFIG = f"""
[[clusters]]
name = "{MASK}"
local = ["**"]
[[clusters]]
name = "{STOP}"
"""


@pytest.fixture(params=["x", "::error::x", "a\n::error::x", "##[error]x", "a ##[stop-commands]x"])
def tree(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Manifests, good and bad, with a hostile name and hostile content."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / f"{request.param}.yaml").write_text(POLICY)
    (tmp_path / f"{request.param}.bad.yaml").write_text(POLICY + "\n: [\n")
    (tmp_path / f"{request.param}.template.yaml").write_text(POLICY + "x: {{ y }}\n")
    (tmp_path / "cnpfix.toml").write_text(CONFIG)
    return tmp_path


@pytest.mark.parametrize(
    "line",
    [
        ".",
        "-v .",
        *(f"--format {name} ." for name in ("json", "sarif", "gitlab", "junit", "markdown")),
        "--baseline known.json --write-baseline .",
        f"--select {MASK} .",
        "--no-such##[error]option .",
        "validate .",
        "validate --format json .",
        "impact .",
        "impact --format json .",
        "impact --format markdown .",
        f"verdict --source {MASK}/a --destination b/c .",
        "verdict --source a/b=c --destination world --format json .",
        "report .",
        "init -o - .",
    ],
)
def test_no_line_is_a_command(tree: Path, line: str) -> None:
    ran = cnpfix(*line.split(" "))
    printed = (ran.out + ran.err).splitlines()
    assert printed
    assert not [each for each in printed if OBEYED.search(each)]


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("  ::error::x", r"  \x3a:error::x"),
        ("\u00a0\u200b::error::x", "\u00a0\u200b\\x3a:error::x"),
        ("a ::error::x", "a ::error::x"),
        ("a\n ::b::\n\n::c::", "a\n \\x3a:b::\n\n\\x3a:c::"),
        ("a ##[error]b ###[c]", r"a \x23#[error]b #\x23#[c]"),
        ("##vso[task.setvariable]", r"\x23#vso[task.setvariable]"),
        ("## heading [a](b)", "## heading [a](b)"),
    ],
)
def test_what_would_be_obeyed_is_shown(line: str, shown: str) -> None:
    assert logged(line) == shown


def test_json_means_the_same() -> None:
    value = {"a": [STOP, "##[", "\x9b", MASK]}
    text = as_json_text(value)
    assert json.loads(text) == value
    assert not [line for line in text.splitlines() if OBEYED.search(line)]


WIDE = """\
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {{name: wide-{number}, namespace: shop-{number}}}
spec:
  endpointSelector: {{}}
  ingress:
  - fromEndpoints: [{{matchLabels: {{app: a-workload-with-a-rather-long-one, team: some-other-team, tier: t{number}}}}}]
"""
MESH_OF_TWO = '[[clusters]]\nname = "a"\nlocal = ["**"]\n[[clusters]]\nname = "b"\n'


def test_a_frame_fits_the_terminal_and_shows_what_differs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cnpfix.toml").write_text(MESH_OF_TWO)
    (tmp_path / "wide.yaml").write_text(WIDE.format(number=1))
    monkeypatch.chdir(tmp_path)
    report = cnpfix().out.split("---")[0].splitlines()
    assert max(map(len, report)) <= 80
    (removed,) = [line for line in report if re.match(r" +\d+ - ", line)]
    (added,) = [line for line in report if re.match(r" +\+ ", line)]
    assert "matchExpressions" in added and "matchExpressions" not in removed
    assert any(line.endswith("|   ingress:") for line in report), "short lines are shown from their beginning"
    (caret,) = [line for line in report if "^" in line]
    assert len(caret) <= len(removed)


def test_three_hundred_findings_are_some_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cnpfix.toml").write_text(MESH_OF_TWO)
    for number in range(305):
        (tmp_path / f"{number}.yaml").write_text(WIDE.format(number=number))
    monkeypatch.chdir(tmp_path)
    ran = cnpfix("--format", "concise", "--output", "concise.txt")
    assert len(ran.out.splitlines()) <= 1200
    concise = (tmp_path / "concise.txt").read_text().splitlines()
    assert len(concise) == 305
    assert all(re.match(r"\d+\.yaml:7:\d+: CNP", line) for line in concise)


def test_words_are_wrapped_as_the_standard_library_does_it() -> None:
    chance = random.Random(3)
    for _ in range(2000):
        words = ["x" * int(chance.expovariate(1 / chance.choice((3, 9, 40)))) for _ in range(chance.randrange(25))]
        text, width = " ".join(filter(None, words)), chance.choice((20, 40, 80))
        indent, first = chance.choice((0, 2, 20)), chance.choice(("", "in       "))
        pad = " " * (indent + len(first))
        lines = textwrap.wrap(
            text,
            max(30, width),
            initial_indent=pad,
            subsequent_indent=pad,
            break_long_words=False,
            break_on_hyphens=False,
        )
        if lines:
            lines[0] = " " * indent + first + lines[0][len(pad) :]
        assert Style(False, width).wrap(text, indent, first) == lines
