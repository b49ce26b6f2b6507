"""ConfigMaps that kustomizations generate of files, env files and literals: read as Kustomize reads them."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from rewriter.inventory.delivery.generated_texts import generated_map, generated_texts
from rewriter.inventory.files.tree_files import TreeFiles
from rewriter.inventory.tree.repository import TreeInventory
from tests.inventory.support import flux, inventory, kustomization
from tests.programs import program

ENV = (
    "\ufeff# a remark\n  # another one\nA=1\nB = spaced\nC=\"quoted\"\nD='single'\nE=a=b=c\n\nG=\n  H=lead\n"
    "I=trail  \nJ=with # hash\nexport K=1\nM=windows\r\n"
)
LITERALS = ["a=1", 'b="x y"', "c='z'", 'd="', 'e=a"b"', "f=x=y", "g= lead", "h=''", "i=\"a'", "j='"]


def tree(folder: Path, generator: dict[str, Any], files: dict[str, str]) -> TreeFiles:
    files = {"kustomization.yaml": kustomization(configMapGenerator=[{"name": "m"} | generator]), **files}
    for name, text in files.items():
        (folder / name).write_bytes(text.encode())
    return TreeFiles(str(folder), read_beside=lambda path: Path(path).read_bytes() if Path(path).exists() else None)


@pytest.mark.parametrize(
    "generator",
    [
        pytest.param({"envs": ["v.env"]}, id="env file"),
        pytest.param({"env": "v.env"}, id="env file of the old field"),
        pytest.param({"files": ["v.properties", "key=v.env"]}, id="files"),
        pytest.param({"literals": LITERALS}, id="literals"),
        pytest.param({"envs": ["v.properties"], "files": ["v.env"], "literals": ["last=1"]}, id="all of them"),
    ],
)
def test_texts_are_those_that_kubectl_makes(tmp_path: Path, generator: dict[str, Any]) -> None:
    files = tree(tmp_path, generator, {"v.env": ENV, "v.properties": "x.y=1\nz=2\n"})
    command = [program("kubectl"), "kustomize", str(tmp_path)]
    built = yaml.safe_load(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert generated_map(files, ".", {"name": "m"} | generator)["data"] == built["data"]


def test_a_line_without_a_value_takes_it_from_an_environment_that_is_not_known(tmp_path: Path) -> None:
    files = tree(tmp_path, {}, {"v.env": "HOME\nA=1\n"})
    made = [(key, text) for key, text, _ in generated_texts(files, ".", {"envs": ["v.env"]})]
    assert made == [("HOME", None), ("A", "1")]


SETTINGS = {"generatorOptions": {"disableNameSuffixHash": True}, "namespace": "flux-system"}
APPS = flux("apps", "apps", postBuild={"substituteFrom": [{"kind": "ConfigMap", "name": "settings"}]})
NAMED = "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: '${NS}'}\nspec: {selector: {app: web}}\n"


def namespaces(settings: dict[str, Any], beside: dict[str, str]) -> list[str]:
    """The namespaces in which a Service lands whose namespace is a variable."""
    files = {
        "flux/apps.yaml": APPS,
        "flux/kustomization.yaml": kustomization(resources=["apps.yaml"], **settings),
        "flux/all.yaml": flux("all", "flux"),
        "apps/web.yaml": NAMED,
    }
    made = TreeInventory(
        root=".",
        read=lambda path: files[path].encode(),
        read_beside=lambda path: beside[Path(path).name].encode() if Path(path).name in beside else None,
    )
    for path, text in files.items():
        made.offer(path, text.encode())
    return [service.namespace for service in made.services("web")]


@pytest.mark.parametrize(
    ("settings", "beside", "expected"),
    [
        pytest.param(
            {**SETTINGS, "configMapGenerator": [{"name": "settings", "envs": ["v.env"]}]},
            {"v.env": "NS=shop\n"},
            ["shop"],
            id="env file",
        ),
        pytest.param(
            {**SETTINGS, "configMapGenerator": [{"name": "settings", "literals": ["NS=shop"]}]},
            {},
            ["shop"],
            id="literal",
        ),
        pytest.param(
            {"namespace": "flux-system", "configMapGenerator": [{"name": "settings", "envs": ["v.env"]}]},
            {"v.env": "NS=shop\n"},
            [],
            id="its name has a hash",
        ),
        pytest.param(
            {**SETTINGS, "configMapGenerator": [{"name": "settings", "envs": ["v.env"], "literals": ["NS=shop"]}]},
            {},
            [],
            id="the env file is not there",
        ),
        pytest.param(
            {
                "generatorOptions": {"disableNameSuffixHash": True},
                "configMapGenerator": [{"name": "settings", "namespace": "apps", "literals": ["NS=shop"]}],
            },
            {},
            [],
            id="in another namespace",
        ),
    ],
)
def test_variables_come_from_a_generated_config_map(
    settings: dict[str, Any], beside: dict[str, str], expected: list[str]
) -> None:
    assert namespaces(settings, beside) == expected


def test_a_generator_that_merges_into_another_leaves_no_value_to_a_replacement() -> None:
    """What the other one states may be overwritten."""
    port = {"kind": "ConfigMap", "name": "v", "fieldPath": "data.app"}
    targets = [{"select": {"kind": "Service"}, "fieldPaths": ["spec.selector.app"]}]
    service = "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\nspec: {selector: {app: none}}\n"
    generated = {"name": "v", "literals": ["app=web"]}
    files = {
        "base/kustomization.yaml": kustomization(resources=["web.yaml"], configMapGenerator=[generated]),
        "base/web.yaml": service,
        "top/kustomization.yaml": kustomization(
            resources=["../base"], replacements=[{"source": port, "targets": targets}]
        ),
    }
    assert [dict(found.selector or {}) for found in inventory(files).services("web")] == [{"app": "web"}]
    files["top/kustomization.yaml"] = kustomization(
        resources=["../base"],
        replacements=[{"source": port, "targets": targets}],
        configMapGenerator=[{"name": "v", "behavior": "merge", "literals": ["app=other"]}],
    )
    assert [dict(found.selector or {}) for found in inventory(files).services("web")] != [{"app": "web"}]
