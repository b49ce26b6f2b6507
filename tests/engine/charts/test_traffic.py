"""Observed traffic beside a fix in a chart: policies of a template come of rendering it, not of its text."""

from __future__ import annotations

from pathlib import Path

from tests.engine.charts.support import CHART, DNS, FIXED, HEAD, STAR, Repository
from tests.hubble.flows import export, flow, pod


def test_a_fixed_template_is_no_text_to_read_policies_from(repository: Repository, tmp_path: Path) -> None:
    flows = tmp_path / "flows.json"
    export(flows, flow(pod("web", "shop"), pod("db", "shop")))
    template = "{{- if true }}\n" + HEAD + DNS + STAR + "{{- end }}\n"
    files = {**CHART, "chart/values.yaml": "", "chart/templates/policy.yaml": template}
    found = repository.treat(files, "--select", "fqdn-double-star", "--hubble", str(flows))
    assert found.errors == []
    assert found.after["chart/templates/policy.yaml"] == template.replace(STAR, FIXED)
