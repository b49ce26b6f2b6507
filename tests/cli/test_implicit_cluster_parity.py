"""The whole tool against `cilium clustermesh inspect-policy-default-local-cluster`: the same policies, file by file.

A tenth of the recorded cases, and with CNPFIX_FUZZ=1 all; the pass alone is held against all of them in any case.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from rewriter.cilium.policy import is_policy
from tests.cilium.vectors import verdict_cases
from tests.cli.support import cnpfix


def test_finds_exactly_the_policies_that_cilium_calls_affected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    affected: set[tuple[str, int]] = set()
    clusters = set()
    for case in verdict_cases()[:: 1 if os.environ.get("CNPFIX_FUZZ") == "1" else 10]:
        local = case["localCluster"]
        clusters.add(local)
        documents = [entry for entry in case["policies"] if is_policy(entry["manifest"])]
        name = f"{local}/{case['id']}.yaml"
        affected |= {(name, n) for n, entry in enumerate(documents) if entry.get("changedByDefaultLocalCluster")}
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(f"---\n{json.dumps(entry['manifest'])}\n" for entry in documents))
    tables = [f'[[clusters]]\nname = "{name}"\nlocal = ["{name}/**"]\n' for name in sorted({*clusters, "another"})]
    (tmp_path / "cnpfix.toml").write_text("".join(tables) + '[passes.implicit-cluster]\nscope = "any"\n')
    monkeypatch.chdir(tmp_path)

    ran = cnpfix("--select", "CNP006", "--from", "1.18", "--to", "1.19", "--format", "json", ".")
    report = json.loads(ran.out)

    assert report["errors"] == []
    assert affected
    assert {(finding["file"], finding["document"]) for finding in report["findings"]} == affected
    assert all(finding["patch"] for finding in report["findings"])
