"""Fixes of one policy are made from its end backwards, by the numbers of the rules: none moves the place of another."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.cli.support import cnpfix

_CONFIG = (
    '[[clusters]]\nname = "a"\nlocal = ["**"]\n[[clusters]]\nname = "b"\n[passes.cluster-entity]\nremote = "all"\n'
)
_HEAD = (
    "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: api, namespace: shop}\n"
    "spec:\n  endpointSelector: {}\n  ingress:\n"
)


def _rule(number: int, entity: str) -> str:
    return f"    - fromEntities: [{entity}]\n      toPorts:\n        - ports:\n            - port: '{8000 + number}'\n"


def test_in_a_policy_of_twelve_rules_each_new_one_stands_behind_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cnpfix.toml").write_text(_CONFIG)
    rules = (_rule(number, "cluster" if number in (2, 10) else "world") for number in range(12))
    (tmp_path / "p.yaml").write_text(_HEAD + "".join(rules))
    assert cnpfix("--write", ".").code == 0
    ingress = yaml.safe_load((tmp_path / "p.yaml").read_text())["spec"]["ingress"]
    ports = [int(rule["toPorts"][0]["ports"][0]["port"]) - 8000 for rule in ingress]
    assert ports == [0, 1, 2, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10, 11]
    assert [number for number, rule in enumerate(ingress) if "fromEndpoints" in rule] == [3, 12]
