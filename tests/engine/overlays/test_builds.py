"""How often kubectl builds a kustomization, and what is reported of one that it does not build."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from rewriter.cilium.version import Version
from rewriter.engine.overlays import treat
from rewriter.engine.overlays.judged import Judged, judge
from rewriter.engine.pipeline.hooks import Outcome
from rewriter.engine.run.fixer import fixer_for
from rewriter.engine.run.opening import open_workspace
from rewriter.engine.run.run_options import Options
from rewriter.engine.run.workspace import Request
from tests.engine.charts.support import STAR, Repository
from tests.engine.overlays.test_overlays import ADD, PLAIN, inline
from tests.programs import program

#: As the kubectl of some distributions writes an error: a line of its log, with the time and the process in it.
_LOGGED = 'E1129 08:03:11.605627   $$ run.go:72] "command failed" err="missing \\"metadata.name\\" in\\n  gone.yaml"'

_FLUX = """\
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {{name: {name}, namespace: flux-system}}
spec: {spec}
"""
_SOURCE = "sourceRef: {kind: GitRepository, name: flux-system}"


def _kubectl(root: Path, *, failing: bool) -> Path:
    """Puts a kubectl on PATH that counts its runs, and gives the file in which it does."""
    folder, counted = root.parent / "bin", root.parent / "runs"
    folder.mkdir()
    real = f'exec {program("kubectl")} "$@"'
    fails = f"/bin/cat <<E >&2\n{_LOGGED}\nE\nexit 1"
    script = folder / "kubectl"
    script.write_text(f"#!/bin/sh\necho run >> {counted}\n{fails if failing else real}\n")
    script.chmod(0o755)
    return counted


def _two(change: str) -> dict[str, str]:
    other = (PLAIN + STAR).replace("name: web", "name: api", 1)
    return {
        "base/kustomization.yaml": "resources: [api.yaml, policy.yaml]\n",
        "base/api.yaml": other,
        "base/policy.yaml": PLAIN + STAR,
        "top/kustomization.yaml": change,
    }


def test_what_does_not_build_is_tried_once_and_reported_without_time_and_process(
    repository: Repository, tmp_path: Path
) -> None:
    counted = _kubectl(tmp_path / "repository", failing=True)
    found = repository.treat(_two(inline(ADD)), "--select", "fqdn-double-star", programs=())
    advice = {finding["advice"] for finding in found.findings}
    assert all(words.endswith('no fix is proved: missing "metadata.name" in gone.yaml') for words in advice), advice
    assert len(found.findings) >= 2
    assert counted.read_text() == "run\n"


def test_texts_that_were_built_are_not_built_again(repository: Repository, tmp_path: Path) -> None:
    counted = _kubectl(tmp_path / "repository", failing=False)
    change = inline("- op: add\n  path: /spec/ingress\n  value: []\n")
    found = repository.treat(_two(change), "--select", "fqdn-double-star", programs=())
    assert [finding["fixed"] for finding in found.findings] == [True, True]
    assert counted.read_text().count("run") == 3  # As it is, and with each of the two fixes.


def test_one_applier_that_two_others_fill_in_is_built_for_each(repository: Repository) -> None:
    def parent(namespace: str) -> str:
        values = f"postBuild: {{substitute: {{TEAM: {namespace}}}}}"
        return _FLUX.format(name="apps", spec=f"{{path: ./apps, {_SOURCE}, {values}}}")

    files = {
        "clusters/a/flux.yaml": parent("shop"),
        "clusters/b/flux.yaml": parent("market"),
        "apps/web.yaml": _FLUX.format(name="web", spec=f"{{path: ./web, targetNamespace: '${{TEAM}}', {_SOURCE}}}"),
        "web/policy.yaml": (PLAIN + STAR).replace("  namespace: shop\n", ""),
    }
    found = repository.treat(files, "--select", "fqdn-double-star", programs=("kubectl",))
    assert [finding["fixed"] for finding in found.findings] == [True], found.findings
    assert found.after == {**files, "web/policy.yaml": files["web/policy.yaml"].replace("**.", "*.")}


def _linked(base: str, change: str) -> dict[str, str]:
    """An overlay of `over/base`, whose policy stands in another folder."""
    return {f"{base}/kustomization.yaml": "resources: [policy.yaml]\n", f"{base}/policy.yaml": PLAIN + STAR} | {
        "over/kustomization.yaml": change.replace("../base", "base")
    }


def test_a_base_by_a_symlink_is_followed_in_the_tree(repository: Repository, tmp_path: Path) -> None:
    root = tmp_path / "repository"
    for folder in (root / "over", root / "bases" / "web"):
        folder.mkdir(parents=True)
    (root / "over" / "base").symlink_to("../bases/web")
    found = repository.treat(_linked("bases/web", inline(ADD)), "--select", "fqdn-double-star", programs=("kubectl",))
    fixed = {(finding["file"], finding["fixed"]) for finding in found.findings}
    assert fixed == {("bases/web/policy.yaml", True), ("over/kustomization.yaml", True)}
    assert (root / "over" / "base").is_symlink()
    assert "**" not in found.after["bases/web/policy.yaml"]


def test_a_base_by_a_symlink_out_of_the_tree_is_not(repository: Repository, tmp_path: Path) -> None:
    root = tmp_path / "repository"
    (root / "over").mkdir(parents=True)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kustomization.yaml").write_text("resources: [policy.yaml]\n")
    (outside / "policy.yaml").write_text(PLAIN + STAR)
    (root / "over" / "base").symlink_to(outside)
    files = {"over/kustomization.yaml": inline(ADD).replace("../base", "base")}
    found = repository.treat(files, "--select", "fqdn-double-star", programs=("kubectl",))
    assert not [finding for finding in found.findings if finding["fixed"]]
    assert "**" in (outside / "policy.yaml").read_text()


def test_a_patch_of_many_policies_is_judged_once_for_all_of_their_files(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged = Counter[str]()

    def counting(item: Judged, *arguments: Any) -> Outcome:
        judged[item.policy.manifest["metadata"]["name"]] += 1
        return judge(item, *arguments)

    monkeypatch.setattr(treat, "judge", counting)
    names = [f"p{number}" for number in range(6)]
    files = {
        "base/kustomization.yaml": f"resources: [{', '.join(f'{name}.yaml' for name in names)}]\n",
        **{f"base/{name}.yaml": (PLAIN + STAR).replace("name: web", f"name: {name}", 1) for name in names},
        "above/kustomization.yaml": "resources: [../base]\npatches:\n- {path: a.yaml, target: {group: cilium.io}}\n",
        "above/a.yaml": "- {op: add, path: /spec/ingress, value: []}\n",
    }
    done = repository.treat(files, "--select", "fqdn-double-star", programs=("kubectl",))
    assert [finding["fixed"] for finding in done.findings] == [True] * len(names)
    # For its own file as it is, tried and fixed; for the file of the patch once, and once more for all of the others.
    assert max(judged.values()) <= 6, judged


def test_what_one_run_makes_of_files_is_not_what_another_makes(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {
        "base/kustomization.yaml": "resources: [policy.yaml]\n",
        "base/policy.yaml": PLAIN + STAR,
        "above/kustomization.yaml": "resources: [../base]\npatches:\n- {path: a.yaml, target: {group: cilium.io}}\n",
        "above/a.yaml": "- {op: add, path: /spec/ingress, value: []}\n",
    }
    repository.treat(files, "--select", "http-path", programs=("kubectl",))
    workspace = open_workspace(Request(), lambda _count: None)
    options = Options(Version(1, 18), Version(1, 19), select=frozenset({"fqdn-double-star"}))
    one, other = fixer_for(workspace, options), fixer_for(workspace, options)
    ((found, data),) = [item for item in workspace.files if item[0].display.endswith("policy.yaml")]
    assert one.fix_file(found, data).changed
    assert one.overlays is not None and one.overlays.rewritten
    assert other.overlays is not None and not other.overlays.rewritten
