"""The examples of a fleet are what they say, and the page shows one of them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from rewriter.fleet.settings import read_settings
from tests.programs import program

EXAMPLES = Path(__file__).parents[2] / "examples" / "fleet"


def test_the_page_shows_the_example() -> None:
    page = (EXAMPLES.parents[1] / "docs" / "fleets.md").read_text("utf-8")
    found = re.search(r"```toml\n(.*?)```", page, re.DOTALL)
    assert found is not None and found[1] == (EXAMPLES / "fleet.toml").read_text("utf-8")
    assert read_settings(EXAMPLES / "fleet.toml").sources[0].name == "acme"


def test_the_chart_makes_a_job_for_each_stage_with_a_whole_fleet(tmp_path: Path) -> None:
    command = [program("helm"), "template", "fleet", str(EXAMPLES / "chart"), "--set", "shards=3"]
    made = list(yaml.safe_load_all(subprocess.run(command, capture_output=True, check=True).stdout))
    jobs = [each["spec"]["jobTemplate"]["spec"] for each in made if each["kind"] == "CronJob"]
    stages = [job["template"]["spec"]["containers"][0]["args"][0] for job in jobs]
    assert ["--stage facts" in stages[0], "--stage findings" in stages[1]] == [True, True]
    assert {(job["completionMode"], job["completions"]) for job in jobs} == {("Indexed", 3)}
    assert all(" --workers 2 " in stage for stage in stages)
    assert all('--shard "$((JOB_COMPLETION_INDEX + 1))/3"' in stage for stage in stages)
    (config,) = (each["data"]["fleet.toml"] for each in made if each["kind"] == "ConfigMap")
    (tmp_path / "fleet.toml").write_text(config)
    assert read_settings(tmp_path / "fleet.toml").work == Path("/fleet/work")


@pytest.mark.parametrize("name", ["indexed-job.yaml", "dask-cluster.yaml"])
def test_a_manifest_is_one(name: str) -> None:
    assert yaml.safe_load((EXAMPLES / name).read_text("utf-8"))["kind"] in ("Job", "DaskCluster")
