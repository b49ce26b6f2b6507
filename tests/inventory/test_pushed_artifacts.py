"""Artifacts that the repository's own pipeline pushes: a Kustomization names folders of the artifact."""

from __future__ import annotations

import pytest
import yaml

from tests.inventory.support import inventory, workload

URL = "oci://ghcr.io/acme/manifests"
WORKFLOW = """\
on: {push: {branches: [main]}}
jobs:
  push:
    runs-on: ubuntu-latest
    steps:
      - run: |
          %s
"""
PUSH = (
    "flux push artifact oci://ghcr.io/acme/manifests:$(git rev-parse HEAD) \\\n"
    '            --path="./deploy" --revision=main'
)
OWNER = "oci://ghcr.io/${{ github.repository_owner }}"


def synced(path: str = "./", url: str = URL) -> str:
    source = {
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "OCIRepository",
        "metadata": {"name": "apps", "namespace": "flux-system"},
        "spec": {"url": url},
    }
    made = {
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "kind": "Kustomization",
        "metadata": {"name": "apps", "namespace": "flux-system"},
        "spec": {"path": path, "targetNamespace": "shop", "sourceRef": {"kind": "OCIRepository", "name": "apps"}},
    }
    return yaml.safe_dump_all([source, made])


def namespaces(push: str, sync: str, path: str = ".github/workflows/push.yaml") -> dict[str, str]:
    """Of each workload of a tree the namespace that it is applied to."""
    files = {path: WORKFLOW % push if path.endswith("yaml") else push, "flux/all.yaml": sync}
    files |= {
        f"{folder}/w.yaml": workload(folder.replace("/", "-"), {"a": folder[:1]}) for folder in ("deploy/a", "other")
    }
    return {each.name: each.namespace for each in inventory(files).all_workloads()}


@pytest.mark.parametrize(
    ("push", "sync", "found"),
    [
        (PUSH, synced(), {"deploy-a": "shop"}),
        (PUSH, synced("./a"), {"deploy-a": "shop"}),
        (PUSH.replace("./deploy", "."), synced("./other"), {"other": "shop"}),
        (PUSH.replace("oci://ghcr.io/acme", OWNER), synced(), {"deploy-a": "shop"}),
        (PUSH.replace("oci://ghcr.io/acme", "${OCI}"), synced(), {"deploy-a": "shop"}),
        (PUSH.replace("./deploy", "${DIR}"), synced(), {}),
        (f"{PUSH}\n          {PUSH.replace('./deploy', './other')}", synced(), {}),
        # Another artifact, and no command at all: the folders are those of the repository.
        (PUSH, synced("./other", "oci://ghcr.io/acme/other"), {"other": "shop"}),
        ("make", synced("./other"), {"other": "shop"}),
        (f"# {PUSH}", synced("./other"), {"other": "shop"}),
    ],
    ids=[
        "root",
        "a folder of it",
        "the whole repository",
        "a variable in the URL",
        "a variable for the registry",
        "a variable for the path",
        "two folders",
        "another artifact",
        "no command",
        "a remark",
    ],
)  # fmt: skip
def test_folders_of_an_artifact(push: str, sync: str, found: dict[str, str]) -> None:
    assert namespaces(push, sync) == found


ARTIFACT = "ghcr.io/acme/manifests:latest"
ORAS = f"oras push --artifact-type application/x {ARTIFACT}"
LAYER = "application/vnd.cncf.flux.content.v1.tar+gzip"
IN_DEPLOY = {"deploy-a": "shop"}


@pytest.mark.parametrize(
    ("push", "sync", "found"),
    [
        (f"cd deploy && {PUSH.replace('./deploy', '.')}", synced(), IN_DEPLOY),
        (f"cd ./deploy/\n          {PUSH.replace('./deploy', '.')}", synced(), IN_DEPLOY),
        (f"{PUSH.replace('./deploy', '.')}\n        working-directory: deploy", synced("./a"), IN_DEPLOY),
        (f"cd $DIR && {PUSH.replace('./deploy', '.')}", synced(), {}),
        (f"cd deploy\n          cd a\n          {PUSH.replace('./deploy', '.')}", synced(), {}),
        # Of another step: each has a shell of its own.
        (f"cd other\n      - run: |\n          {PUSH}", synced(), IN_DEPLOY),
        (f"# cd other\n          {PUSH}", synced(), IN_DEPLOY),
        (f"{ORAS} deploy/", synced("./deploy"), IN_DEPLOY),
        (f"cd deploy && {ORAS} a", synced("./a"), IN_DEPLOY),
        (f"tar -czf m.tgz -C deploy .\n          {ORAS} m.tgz:{LAYER}", synced(), IN_DEPLOY),
        (f"tar czf m.tgz deploy\n          {ORAS} \\\n            m.tgz:{LAYER}", synced("./deploy"), IN_DEPLOY),
        (f"make m.tgz\n          {ORAS} m.tgz:{LAYER}", synced("./deploy"), {}),
        (f"{ORAS.replace('manifests', 'other')} deploy", synced("./other"), {"other": "shop"}),
        ("oras push ${{ env.REGISTRY }}/manifests:${{ github.sha }} ${{ env.DIR }}", synced("./deploy"), {}),
    ],
    ids=[
        "cd before it",
        "cd on a line above",
        "a working directory",
        "cd to a variable",
        "cd twice",
        "cd in another step",
        "cd in a remark",
        "oras, a folder",
        "oras in a folder",
        "oras, an archive of a folder",
        "oras, an archive with the folder",
        "oras, an archive of something",
        "oras, another artifact",
        "oras, a variable",
    ],
)  # fmt: skip
def test_the_place_in_which_a_command_runs(push: str, sync: str, found: dict[str, str]) -> None:
    assert namespaces(push, sync) == found


def test_a_line_of_a_makefile_has_a_shell_of_its_own() -> None:
    push = PUSH.replace("./deploy", ".")
    assert namespaces(f"push:\n\tcd deploy && {push}\n", synced(), "Makefile") == IN_DEPLOY
    assert namespaces(f"push:\n\tcd deploy\n\t{push}\n", synced("./other"), "Makefile") == {"other": "shop"}


def test_defaults_of_a_workflow_say_where_its_commands_run() -> None:
    text = "defaults:\n  run:\n    working-directory: deploy\n" + WORKFLOW % PUSH.replace("./deploy", ".")
    files = {"push.yaml": text, "flux/all.yaml": synced(), "deploy/a/w.yaml": workload("w", {"app": "w"})}
    assert [each.namespace for each in inventory(files).all_workloads()] == ["shop"]


@pytest.mark.parametrize("path", ["Makefile", "scripts/push.sh", ".gitlab-ci.yml"])
def test_the_command_counts_wherever_it_stands(path: str) -> None:
    push = (
        f"push:\n\t{PUSH}\n"
        if path == "Makefile"
        else f"{PUSH}\n"
        if path.endswith(".sh")
        else f"a:\n  script:\n  - {PUSH}\n"
    )
    assert namespaces(push, synced(), path) == {"deploy-a": "shop"}


@pytest.mark.parametrize(
    ("path", "found"),
    [("./a", {"deploy-a": "shop"}), ("./other", {"other": "shop"}), ("./", {})],
    ids=["a folder of the artifact", "a folder of the repository", "both"],
)
def test_of_an_artifact_whose_address_is_not_in_the_tree_the_folders_say_which(
    path: str, found: dict[str, str]
) -> None:
    assert namespaces(PUSH, synced(path).partition("---")[2]) == found


def test_what_an_unknown_folder_holds_is_not_absent() -> None:
    files = {".github/workflows/p.yaml": WORKFLOW % PUSH.replace("./deploy", "${DIR}"), "flux/all.yaml": synced()}
    made = inventory({**files, "deploy/w.yaml": workload("w", {"app": "w"}, "shop")})
    assert any("which folder it holds is not known" in reason for reason in made.completeness("shop").reasons)
