"""Patches of Flux and Argo CD are written into the kustomization that they apply: before its names and namespace."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.engine.charts.support import STAR, Repository
from tests.engine.overlays.test_overlays import ADD, PLAIN, argo, fixed_at, flux, treat
from tests.inventory.support import kustomization

REMOVE = "- op: remove\n  path: /spec/egress/1\n"
APPLIERS: dict[str, Callable[[str], str]] = {"Flux": flux, "Argo CD": argo}


def aimed(text: str, target: str) -> str:
    return text.replace("{kind: CiliumNetworkPolicy}", f"{{kind: CiliumNetworkPolicy, {target}}}")


def renamed(**fields: str) -> dict[str, str]:
    return {"base/kustomization.yaml": kustomization(resources=["policy.yaml"], **fields)}


#: By name: what the kustomization does, a target that means its policy, and one that never does.
TARGETS: dict[str, tuple[dict[str, str], str, str]] = {
    "prefix": (renamed(namePrefix="prod-"), "name: web", "name: prod-web"),
    "suffix": (renamed(nameSuffix="-prod"), "name: web", "name: web-prod"),
    "namespace": (renamed(namespace="edge"), "namespace: shop", "namespace: edge"),
    "name of an inner prefix": (
        {"base/kustomization.yaml": kustomization(resources=["../inner"], namePrefix="outer-")}
        | {"inner/kustomization.yaml": kustomization(resources=["../base/policy.yaml"], namePrefix="inner-")},
        "name: inner-web",
        "name: outer-inner-web",
    ),
}


@pytest.mark.parametrize("by", APPLIERS)
@pytest.mark.parametrize("name", TARGETS)
def test_a_patch_of_what_the_policy_is_called_before_is_fixed(name: str, by: str, repository: Repository) -> None:
    own, target, _ = TARGETS[name]
    fixed_at(
        repository, {"base/policy.yaml": PLAIN, **own, "apply.yaml": aimed(APPLIERS[by](ADD), target)}, "apply.yaml"
    )


@pytest.mark.parametrize("by", APPLIERS)
@pytest.mark.parametrize("name", TARGETS)
def test_a_patch_that_never_applies_is_no_finding(name: str, by: str, repository: Repository) -> None:
    own, _, target = TARGETS[name]
    files = {"base/policy.yaml": PLAIN, **own, "apply.yaml": aimed(APPLIERS[by](ADD), target)}
    found = treat(repository, files)
    assert (found.findings, found.errors) == ([], [])
    assert found.after == files


@pytest.mark.parametrize("by", APPLIERS)
@pytest.mark.parametrize("name", TARGETS)
def test_a_patch_that_never_applies_takes_nothing_away(name: str, by: str, repository: Repository) -> None:
    own, _, target = TARGETS[name]
    files = {"base/policy.yaml": PLAIN + STAR, **own, "apply.yaml": aimed(APPLIERS[by](REMOVE), target)}
    fixed_at(repository, files, "base/policy.yaml")


def test_older_patches_of_flux_hold_what_they_change(repository: Repository) -> None:
    older = (
        "  patchesStrategicMerge:\n    - apiVersion: cilium.io/v2\n      kind: CiliumNetworkPolicy\n"
        "      metadata: {name: web}\n      spec: {egress: [{toEntities: [world]}]}\n"
    )
    head = flux(REMOVE).partition("  patches:")[0].replace("toolkit.fluxcd.io/v1", "toolkit.fluxcd.io/v1beta2")
    found = treat(repository, {"base/policy.yaml": PLAIN + STAR, "clusters/shop.yaml": head + older})
    assert [each["fixed"] for each in found.findings] == [False]
    assert "clusters/shop.yaml:" in found.findings[0]["advice"]


def test_a_patch_of_argo_cd_in_a_file_holds_what_it_may_change(repository: Repository) -> None:
    text = argo(REMOVE).partition("          patch: |")[0] + "          path: more.yaml\n"
    found = treat(repository, {"base/policy.yaml": PLAIN + STAR, "base/more.yaml": REMOVE, "apply.yaml": text})
    assert [each["fixed"] for each in found.findings] == [False]


ELSEWHERE = "  targetNamespace: edge\n  namePrefix: p-\n"
LABELLED = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nlabels:\n  - pairs: {team: shop}\n"
#: By name: files of a folder for which Flux makes the kustomization, and the one of them that is fixed (None: none).
BARE: dict[str, tuple[dict[str, str], str | None]] = {
    "a patch": ({"base/policy.yaml": PLAIN, "apply.yaml": flux(ADD)}, "apply.yaml"),
    "a patch, a prefix and a namespace": (
        {"base/policy.yaml": PLAIN, "apply.yaml": flux(ADD, ELSEWHERE)},
        "apply.yaml",
    ),
    "a patch that takes the rule away": ({"base/policy.yaml": PLAIN + STAR, "apply.yaml": flux(REMOVE)}, None),
    "a kustomization below it": (
        {"base/a/policy.yaml": PLAIN, "base/a/kustomization.yaml": kustomization(resources=["policy.yaml"])}
        | {"apply.yaml": flux(ADD, ELSEWHERE)},
        "apply.yaml",
    ),
    "a component": (
        {"base/policy.yaml": PLAIN, "more/kustomization.yaml": LABELLED}
        | {"apply.yaml": flux(ADD, ELSEWHERE + "  components: [../more]\n")},
        "apply.yaml",
    ),
    "variables": (
        {"base/policy.yaml": PLAIN, "apply.yaml": flux(ADD, ELSEWHERE + "  postBuild: {substitute: {A: b}}\n")},
        "apply.yaml",
    ),
}


@pytest.mark.parametrize("name", BARE)
def test_what_flux_makes_of_a_folder_without_a_kustomization(name: str, repository: Repository) -> None:
    files, where = BARE[name]
    found = repository.treat(files, "--select", "fqdn-double-star", programs=("kubectl",))
    assert found.errors == []
    assert [(each["file"], each["fixed"]) for each in found.findings] == ([(where, True)] if where else [])
    assert found.after == files | ({where: files[where].replace("**.", "*.")} if where else {})
