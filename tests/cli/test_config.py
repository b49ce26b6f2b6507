"""What a config file decides, through the command line: passes, paths, promotion, and mistakes in it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.cli.support import cnpfix

MISTAKES = """apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata:
  name: default-deny
  namespace: shop
spec:
  endpointSelector: {}
  egress:
  - toFQDNs:
    - matchPattern: "**.example.com"
  - toEndpoints:
    - {}
    authentication:
      mode: required
  - toEndpoints:
    - matchLabels: {k8s:io.kubernetes.pod.namespace: kube-system, k8s-app: kube-dns}
    toPorts:
    - ports: [{port: "53", protocol: ANY}]
      rules: {dns: [{matchPattern: "*"}]}
"""
REQUIRES = """apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata:
  name: db
  namespace: shop
spec:
  endpointSelector: {}
  ingress:
  - fromRequires:
    - matchLabels: {env: prod}
    fromEndpoints:
    - {}
"""
ALL = ["CNP007", "CNP008", "CNP012"]


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two policies with three mistakes, one of them under legacy/."""
    (tmp_path / "legacy").mkdir()
    (tmp_path / "web.yaml").write_text(MISTAKES)
    (tmp_path / "legacy" / "db.yaml").write_text(REQUIRES)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def findings(*arguments: str) -> list[dict[str, Any]]:
    ran = cnpfix("--format", "json", *arguments)
    assert ran.code == 0, ran.err
    found: list[dict[str, Any]] = json.loads(ran.out)["findings"]
    return found


def codes(*arguments: str) -> list[str]:
    return sorted(item["code"] for item in findings(*arguments))


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ("", ALL),
        ('select = ["requires"]', ["CNP007"]),
        ('select = ["CNP007", "fqdn-double-star"]', ["CNP007", "CNP008"]),
        # What no other pass speaks of any more, the upgrade changes all the same.
        ('ignore = ["CNP012"]', ["CNP007", "CNP008", "CNP032"]),
        ('ignore = ["CNP012", "CNP032"]', ["CNP007", "CNP008"]),
        ("select = []", []),
        ("ignore = []", ALL),
        ('[[per-path]]\npaths = ["legacy/**"]\nselect = []', ["CNP008", "CNP012"]),
        ('select = ["requires", "authentication"]\nignore = ["requires"]', ["CNP012"]),
        ('from = "1.17"\nto = "1.18"', []),
        ('from = "1.19"\nto = "1.20"', ["CNP007", "CNP012"]),
        ('exclude = ["legacy/**"]', ["CNP008", "CNP012"]),
        ('[[per-path]]\npaths = ["legacy/**"]\nignore = ["requires"]', ["CNP008", "CNP012"]),
        ('[[per-path]]\npaths = ["**"]\nignore = ["CNP008"]', ["CNP007", "CNP012", "CNP032"]),
        ('[[per-path]]\npaths = ["/web.yaml"]\nselect = ["authentication"]', ["CNP007", "CNP012"]),
        ('[[per-path]]\npaths = ["legacy/*"]\nselect = ["authentication"]', ["CNP008", "CNP012"]),
        (
            '[[per-path]]\npaths = ["legacy/**"]\nignore = ["CNP007"]\n'
            '[[per-path]]\npaths = ["web.yaml"]\nignore = ["CNP012", "CNP032"]',
            ["CNP008"],
        ),
        (
            'select = ["requires", "authentication"]\n'
            '[[per-path]]\npaths = ["/web.yaml"]\nselect = ["fqdn-double-star"]',
            ["CNP007"],
        ),
    ],
)
def test_which_passes_run_where(repository: Path, config: str, expected: list[str]) -> None:
    (repository / "cnpfix.toml").write_text(config)
    assert codes() == expected


def test_the_command_line_wins_over_the_config(repository: Path) -> None:
    (repository / "cnpfix.toml").write_text('select = ["requires"]\nto = "1.18"')
    assert codes("--select", "CNP008", "--to", "1.19") == ["CNP008"]
    (repository / "cnpfix.toml").write_text('select = []\nto = "1.18"')
    assert codes("--select", "CNP008,CNP012", "--ignore", "authentication", "--to", "1.19") == ["CNP008"]


def test_pyproject_toml_does_as_well(repository: Path) -> None:
    (repository / "pyproject.toml").write_text('[tool.cnpfix]\nselect = ["requires"]\n')
    assert codes() == ["CNP007"]


@pytest.mark.parametrize(
    ("name", "wanted", "applied"),
    [
        ("authentication", "evident", True),
        ("authentication", "unsafe", False),
        ("authentication", "manual", False),
        ("fqdn-double-star", "manual", False),
        ("fqdn-double-star", "unsafe", False),
        ("fqdn-double-star", "evident", True),
    ],
)
def test_promotion_and_demotion(repository: Path, name: str, wanted: str, applied: bool) -> None:
    (repository / "cnpfix.toml").write_text(f'[passes.{name}]\napplicability = "{wanted}"')
    selected = ("--select", name, "web.yaml")
    ran = cnpfix("--format", "json", "--write", *selected)
    found = json.loads(ran.out)["findings"]
    assert [item["applicability"] for item in found] == [wanted]
    assert [item["fixed"] for item in found] == [applied]
    assert ((repository / "web.yaml").read_text() != MISTAKES) is applied


def test_no_config_makes_a_fix_safe_that_changes_flows(repository: Path) -> None:
    (repository / "cnpfix.toml").write_text('[passes.authentication]\napplicability = "safe"')
    assert [item["applicability"] for item in findings("--select", "authentication")] == ["evident"]


def test_unsafe_fixes_are_applied_on_request(repository: Path) -> None:
    (repository / "cnpfix.toml").write_text('[passes.fqdn-double-star]\napplicability = "unsafe"')
    cnpfix("--write", "--select", "fqdn-double-star", "web.yaml")
    assert (repository / "web.yaml").read_text() == MISTAKES
    cnpfix("--write", "--unsafe-fixes", "--select", "fqdn-double-star", "web.yaml")
    assert (repository / "web.yaml").read_text() == MISTAKES.replace("**.", "*.")


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ('selct = ["requires"]', "selct: unknown key; did you mean 'select'?"),
        ('select = ["require"]', "did you mean 'requires'?"),
        ('ignore = ["CNP07"]', "ignore: expected pass ids or codes, not 'CNP07'"),
        ('[passes.require]\napplicability = "safe"', "passes.require: unknown key; did you mean 'requires'?"),
        ('[passes.requires]\naplicability = "safe"', "passes.requires.aplicability: unknown key; did you mean 'applic"),
        ('[passes.requires]\napplicability = "always"', "passes.requires.applicability: expected one of safe, evident"),
        ('[[per-path]]\npath = ["a"]', "did you mean 'paths'?"),
        ("[[per-path]]\npaths = []", "per-path[0].paths: expected a list of globs"),
        ('[[per-path]]\npaths = ["a"]\nselect = ["no-rule"]', "did you mean 'no-rules'?"),
        ('[[per_path]]\npaths = ["a"]', "per_path: unknown key; did you mean 'per-path'?"),
        ('to = "1.21"', "to: expected a Cilium version"),
        ("select = requires", "is not valid TOML"),
    ],
)
def test_mistakes_are_one_line_that_names_the_nearest(repository: Path, config: str, says: str) -> None:
    (repository / "cnpfix.toml").write_text(config)
    ran = cnpfix()
    assert (ran.code, ran.out) == (2, "")
    assert len(ran.err.splitlines()) == 1
    assert says in ran.err
    assert "cnpfix.toml" in ran.err


def _is_no_file(path: Path, what: str) -> str:
    """Puts something at a path that is no file to read; what is said of it."""
    match what:
        case "link to nothing":
            path.symlink_to("gone.toml")
            return "is a link to a file that does not exist"
        case "loop of links":
            path.symlink_to(path.name)
            return "is a link to a file that does not exist"
        case "FIFO":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "device":
            path.symlink_to("/dev/zero")
        case "link to a folder":
            path.symlink_to("legacy")
    return "is not a regular file; the settings are a TOML file"


@pytest.mark.parametrize("name", ["cnpfix.toml", "pyproject.toml"])
@pytest.mark.parametrize("what", ["link to nothing", "loop of links", "FIFO", "folder", "device", "link to a folder"])
def test_settings_that_are_no_file_are_an_error(repository: Path, name: str, what: str) -> None:
    (repository / "cnpfix.toml").unlink(missing_ok=True)
    says = _is_no_file(repository / name, what)
    before = {path: path.read_bytes() for path in repository.rglob("*.yaml")}
    for arguments in (("--write", "."), ("--check", "."), ("validate", "."), ("impact", ".")):
        ran = cnpfix(*arguments)
        assert ran.code == 2, arguments
        assert f"{name}: {says}" in ran.err
        assert len(ran.err.splitlines()) == 1
    assert {path: path.read_bytes() for path in before} == before


def test_a_pyproject_toml_that_says_nothing_of_cnpfix_need_not_be_toml(repository: Path) -> None:
    (repository / "cnpfix.toml").unlink(missing_ok=True)
    (repository / "pyproject.toml").write_text("[tool\n")
    assert cnpfix().code == 0
