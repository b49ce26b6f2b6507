"""The schema for editors and the reader of the configuration agree: on what is right, and on what is wrong."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from rewriter.config import ConfigError, read_config
from rewriter.config.schema import config_schema
from rewriter.passes import PASS_IDS
from tests.cli.support import cnpfix

ROOT = Path(__file__).parent.parent.parent
SCHEMA = config_schema(PASS_IDS)
CONFIGS = sorted([*ROOT.glob("examples/*/cnpfix.toml"), *ROOT.glob("golden/*/*/cnpfix.toml")])


def is_valid(data: dict[str, Any]) -> bool:
    return jsonschema.Draft7Validator(SCHEMA).is_valid(data)


def test_the_schema_is_one() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)


def test_real_configurations_are_valid() -> None:
    assert len(CONFIGS) > 20
    assert [str(path) for path in CONFIGS if not is_valid(tomllib.loads(path.read_text()))] == []


@pytest.mark.parametrize(
    "text",
    [
        'exclude = ["vendor/**"]\nfrom = "1.18"\nto = 1.19',
        '[[clusters]]\nname = "a"\nmeshed = false',
        '[passes.cluster-entity]\nremote = "all"',
        '[passes.CNP004]\nremote = ["b"]\nmode = "replace"',
        '[passes.missing-namespace]\n"app=web" = "shop"\napplicability = "manual"',
        '[passes.missing-namespace]\n"k8s:app = web" = "shop"',
        '[pr]\ngroup_by = "pass"\nlimit = 3',
        'select = ["CNP001", "internal-cidr"]',
        '[[per-path]]\npaths = ["a/**"]\nselect = []',
    ],
)
def test_what_the_reader_takes_is_valid(text: str) -> None:
    data = tomllib.loads(text)
    read_config(data, file=Path("cnpfix.toml"), pass_ids=PASS_IDS)
    assert is_valid(data)


@pytest.mark.parametrize(
    "text",
    [
        "exlude = []",
        'exclude = "vendor"',
        'select = ["CNP999"]',
        "[[clusters]]",
        '[[clusters]]\nname = "a"\nmeshed = "no"',
        '[passes.cluster-entity]\nremote = "some"',
        '[passes.cluster-entity]\nscope = "any"',
        '[passes.mixed-peers]\napplicability = "sometimes"',
        '[passes.nowhere]\napplicability = "safe"',
        '[passes.missing-namespace]\napp = "shop"',
        '[passes.missing-namespace]\n"app=web" = "Shop"',
        '[facts]\ncomplete = ["a.b"]',
        "[pr]\nlimit = 0",
        '[pr]\ngroup_by = "team"',
        'render = "always"',
        "[[per-path]]\nignore = []",
    ],
)
def test_what_the_reader_refuses_is_not(text: str) -> None:
    data = tomllib.loads(text)
    with pytest.raises(ConfigError):
        read_config(data, file=Path("cnpfix.toml"), pass_ids=PASS_IDS)
    assert not is_valid(data)


def test_the_command_prints_it(tmp_path: Path) -> None:
    ran = cnpfix("config", "schema")
    assert (ran.code, ran.err) == (0, "")
    assert json.loads(ran.out) == SCHEMA
    assert cnpfix("config", "schema", "-o", str(tmp_path / "cnpfix.schema.json")).code == 0
    assert json.loads((tmp_path / "cnpfix.schema.json").read_text()) == SCHEMA
