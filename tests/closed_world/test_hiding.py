"""A fix that rests on "nothing else matches" is made only where nothing hides, and what hides is named."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from cnpfix import fix
from tests.bot.server import git
from tests.closed_world.hiding import BASE, CLEAR, HIDES, MATCHES, POLICIES, SCRAPER
from tests.closed_world.manifests import Files, found, write
from tests.programs import program

_PASS = "missing-namespace"


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", HIDES)
def test_what_hides_keeps_a_fix_from_being_made_and_is_named(name: str, tmp_path: Path) -> None:
    files, words = HIDES[name]
    findings = found(tmp_path, {**BASE, **files}, _PASS)
    assert [(each.applicability, each.fixed) for each in findings] == [("unsafe", False)]
    assert words in findings[0].advice
    assert "with --inventory" in findings[0].advice


@pytest.mark.parametrize("name", MATCHES)
def test_where_the_selector_matches_there_is_nothing_to_find(name: str, tmp_path: Path) -> None:
    assert found(tmp_path, {**BASE, **MATCHES[name]}, _PASS) == []


@pytest.mark.parametrize("name", CLEAR)
def test_what_holds_no_pods_changes_nothing(name: str, tmp_path: Path) -> None:
    findings = found(tmp_path, {**BASE, **CLEAR[name]}, _PASS)
    assert [(each.applicability, each.fixed) for each in findings] == [("evident", True)]


@pytest.mark.parametrize("kind", POLICIES)
@pytest.mark.parametrize("name", ["kind", "duplicate key", "Flux variable", "HelmRelease", "webhook"])
def test_it_is_the_same_for_every_kind_of_policy(name: str, kind: str, tmp_path: Path) -> None:
    base = {**BASE, "shop/policy.yaml": POLICIES[kind]}
    assert [each.fixed for each in found(tmp_path, base, _PASS)] == [True]
    findings = found(tmp_path, HIDES[name][0], _PASS)
    assert [each.applicability for each in findings] == ["unsafe"]


def test_a_pod_of_a_third_namespace_is_left_to_a_person(tmp_path: Path) -> None:
    files = {**BASE, "games/s.yaml": SCRAPER.replace("shop", "games")}
    assert [each.applicability for each in found(tmp_path, files, _PASS)] == ["manual"]


def sparse(folder: Path, files: Files, *left_out: str) -> None:
    """Writes a repository of one commit, and checks it out without what the patterns match."""
    write(folder, files)
    git(folder, "init", "--quiet")
    git(folder, "add", "-A", "--force")
    git(folder, "commit", "--quiet", "-m", "All")
    git(folder, "sparse-checkout", "set", "--no-cone", "/*", *(f"!/{name}" for name in left_out))


def test_what_a_sparse_checkout_leaves_out_is_named(tmp_path: Path) -> None:
    sparse(tmp_path, {**BASE, "shop/more/s.yaml": SCRAPER, "notes/a.txt": "x"}, "shop/more/", "notes/")
    findings = found(tmp_path, {}, _PASS)
    assert [(each.applicability, each.fixed) for each in findings] == [("unsafe", False)]
    assert "shop/more/s.yaml is not in this sparse checkout" in findings[0].advice
    assert "check it out" in findings[0].advice
    git(tmp_path, "rm", "--quiet", "--sparse", "-r", "shop/more")
    assert [each.fixed for each in found(tmp_path, {}, _PASS)] == [True], "notes are no manifests"


def test_what_is_left_out_and_not_in_gits_objects_hides_by_its_name(tmp_path: Path) -> None:
    sparse(tmp_path, {**BASE, "more/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"}, "more/")
    assert [each.fixed for each in found(tmp_path, {}, _PASS)] == [True]
    number = git(tmp_path, "rev-parse", "HEAD:more/a.yaml").strip()
    (tmp_path / ".git" / "objects" / number[:2] / number[2:]).unlink()
    findings = found(tmp_path, {}, _PASS)
    assert [each.fixed for each in findings] == [False]
    assert "more is not in this sparse checkout" in findings[0].advice


@pytest.mark.parametrize("name", ["script without a suffix", "webhook", "label of Kyverno", "remote base", "age"])
def test_what_a_sparse_checkout_leaves_out_hides_as_what_is_there(name: str, tmp_path: Path) -> None:
    files = HIDES[name][0]
    sparse(tmp_path, {**BASE, **files}, *files)
    assert [each.fixed for each in found(tmp_path, {}, _PASS)] == [False]


def test_a_part_of_a_chart_that_is_left_out_hides(tmp_path: Path) -> None:
    chart = {"c/Chart.yaml": "apiVersion: v2\nname: c\nversion: 1.0.0\n", "c/values.yaml": "a: b\n"}
    sparse(tmp_path, {**BASE, **chart}, "c/values.yaml")
    assert [each.fixed for each in found(tmp_path, {}, _PASS)] == [False]


@pytest.mark.parametrize(
    "name",
    [
        *("webhook", "label of Kyverno", "label of Gatekeeper", "chart of Argo CD", "set of Applications", "age"),
        *("remote base", "generator", "resource that is not there", "kustomization that cannot be read"),
        *("chart with dependencies", "Helm chart of kustomize", "Git LFS", "UTF-16 that does not say so"),
    ],
)
def test_what_is_under_exclude_hides_whatever_it_brings_or_changes(name: str, tmp_path: Path) -> None:
    files = HIDES[name][0]
    config = {"cnpfix.toml": f"exclude = [{', '.join(map(json.dumps, files))}]\n"}
    findings = found(tmp_path, {**BASE, **files, **config}, _PASS)
    assert [(each.applicability, each.fixed) for each in findings] == [("unsafe", False)]
    assert "is under `exclude`" in findings[0].advice


def test_a_kustomization_under_exclude_that_only_lists_files_hides_nothing(tmp_path: Path) -> None:
    files = {"kustomization.yaml": "resources: [shop/web.yaml, monitoring]\nimages: [{name: a, newTag: b}]\n"}
    config = {"cnpfix.toml": 'exclude = ["kustomization.yaml"]\n'}
    assert [each.fixed for each in found(tmp_path, {**BASE, **files, **config}, _PASS)] == [True]


def test_a_submodule_that_only_the_index_of_git_names_is_named(tmp_path: Path) -> None:
    write(tmp_path, BASE)
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "-A")
    git(tmp_path, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},shop/more")
    git(tmp_path, "commit", "--quiet", "-m", "All")
    findings = found(tmp_path, {}, _PASS)
    assert [(each.applicability, each.fixed) for each in findings] == [("unsafe", False)]
    assert "shop/more is a submodule that is not checked out" in findings[0].advice
    assert [each.fixed for each in found(tmp_path, {"shop/more/a.yaml": "a: b\n"}, _PASS)] == [True], "it is there"


def test_a_submodule_of_a_submodule_is_named(tmp_path: Path) -> None:
    write(tmp_path, {**BASE, "shop/more/a.yaml": "a: b\n", "shop/more/.gitmodules": "[submodule 'x']\n path = x\n"})
    write(tmp_path, {".gitmodules": "[submodule 'a']\n path = shop/more\n"})
    assert "shop/more/x is a submodule" in found(tmp_path, {}, _PASS)[0].advice
    assert [each.fixed for each in found(tmp_path, {"shop/more/x/a.yaml": "a: b\n"}, _PASS)] == [True]


_INDEXED: Files = {
    "base/policy.yaml": "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: a, namespace: s}\n"
    "spec:\n  endpointSelector: {matchLabels: {app: web}}\n  ingress:\n  - fromEntities: [cluster]\n"
    "  - fromEntities: [world]\n",
    "base/kustomization.yaml": "resources: [policy.yaml]\n",
    "over/kustomization.yaml": "resources: [../base]\npatches:\n- target: {kind: CiliumNetworkPolicy}\n"
    "  patch: |-\n    - op: remove\n      path: /spec/ingress/1\n",
}
_MESH = (
    '[[clusters]]\nname = "a"\nlocal = ["base/**", "over/**"]\n[[clusters]]\nname = "b"\n'
    '[passes.cluster-entity]\nremote = "all"\n'
)


def _unread(folder: Path, is_excluded: bool) -> None:
    """The base, whose overlay is not read: it is excluded, or left out of a sparse checkout."""
    excluded = json.dumps(["over/**"] if is_excluded else [])
    config = {"cnpfix.toml": f"exclude = {excluded}\n{_MESH}"}
    sparse(folder, {**_INDEXED, **config}, *(() if is_excluded else ("over/",)))


@pytest.mark.parametrize("is_excluded", [True, False], ids=["exclude", "sparse checkout"])
def test_an_overlay_that_is_not_read_and_deletes_by_index_holds_the_policy(is_excluded: bool, tmp_path: Path) -> None:
    _unread(tmp_path, is_excluded)
    findings = found(tmp_path, {}, "cluster-entity")
    assert [each.fixed for each in findings] == [False]
    assert "over/kustomization.yaml:6" in findings[0].not_fixed


def _entities(folder: Path) -> list[Any]:
    """The rules of the one policy that kustomize itself builds of a folder."""
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder.parent)}
    command = [program("kubectl"), "kustomize", str(folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60)
    rules: list[Any] = yaml.safe_load(done.stdout)["spec"]["ingress"]
    return rules


@pytest.mark.parametrize("is_excluded", [True, False], ids=["exclude", "sparse checkout"])
def test_what_kustomize_builds_of_an_overlay_that_is_not_read_is_as_it_was(is_excluded: bool, tmp_path: Path) -> None:
    _unread(tmp_path, is_excluded)
    fix(".", unsafe_fixes=True)
    git(tmp_path, "sparse-checkout", "disable")
    assert _entities(tmp_path / "over") == [{"fromEntities": ["cluster"]}]
    # The judge tells: a rule that is put in before the one that goes keeps `world` let in.
    text = (tmp_path / "base/policy.yaml").read_text()
    (tmp_path / "base/policy.yaml").write_text(
        text.replace("  - fromEntities: [world]", "  - {}\n  - fromEntities: [world]")
    )
    assert {"fromEntities": ["world"]} in _entities(tmp_path / "over")
