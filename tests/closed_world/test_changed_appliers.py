"""What changes objects of Flux and Argo CD on their way may add patches to what they apply: it holds the policies."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

import pytest

from tests.closed_world.manifests import Files, found, kyverno, resource, webhook
from tests.closed_world.on_the_way import BASE, POLICY

_REMOVE = '[{"op": "remove", "path": "/spec/ingress/1"}]'
_PATCHES = [{"target": {"kind": "CiliumNetworkPolicy"}, "patch": _REMOVE}]
_OTHERS = [{"target": {"kind": "HelmRelease"}, "patch": "[]"}]
_TOOLKIT = "kustomize.toolkit.fluxcd.io"
_UNKNOWN = "source: {kind: Thing, name: unknown, fieldPath: spec.p}"
_REPOSITORY = "https://git.example.com/x.git"
_INLINE = "{target: {kind: CiliumNetworkPolicy}, patch: '[{op: remove, path: /spec/ingress/1}]'}"  # As people write it.


def _flux(**spec: Any) -> str:
    source = {"kind": "GitRepository", "name": "flux-system"}
    whole = {"path": "./east", "prune": True, "interval": "1m", "sourceRef": source, **spec}
    return resource("kustomize.toolkit.fluxcd.io/v1", "Kustomization", whole, name="e", namespace="flux-system")


def _application() -> str:
    source = {"repoURL": _REPOSITORY, "path": "east"}
    whole = {"project": "d", "source": source, "destination": {"server": "https://kubernetes.default.svc"}}
    return resource("argoproj.io/v1alpha1", "Application", whole, name="e", namespace="argocd")


def _by_hand(applied: str, kind: str, path: str, value: Any, folder: str = "k") -> Files:
    """An object of an applier in a kustomization that a person applies, and that adds something to it."""
    operations = json.dumps([{"op": "add", "path": path, "value": value}])
    patches = [{"target": {"kind": kind}, "patch": operations}]
    return {
        f"{folder}/kustomization.yaml": json.dumps({"resources": ["e.yaml"], "patches": patches}),
        f"{folder}/e.yaml": applied,
    }


def _mutated(mutate: Any) -> Files:
    return _beside(kyverno({"mutate": mutate}, ["kustomize.toolkit.fluxcd.io/v1/Kustomization"]))


def _beside(manifest: str) -> Files:
    """A manifest that Flux applies together with the policy."""
    return {
        "flux/e.yaml": _flux(),
        "east/kustomization.yaml": "kind: Kustomization\nresources: [web.yaml, policy.yaml, k.yaml]\n",
        "east/k.yaml": manifest,
    }


def _expression(written: str) -> Files:
    rules = [{"apiGroups": [_TOOLKIT], "apiVersions": ["v1"], "resources": ["kustomizations"]}]
    spec = {
        "matchConstraints": {"resourceRules": rules},
        "mutations": [{"applyConfiguration": {"expression": f"Object{{spec: Object.spec{{{written}}}}}"}}],
    }
    api = "admissionregistration.k8s.io/v1"
    return _beside(resource(api, "MutatingAdmissionPolicy", spec, namespace=None))


def _assigned(location: str, assign: Any) -> Files:
    applied = [{"kinds": ["Kustomization"], "groups": [_TOOLKIT]}]
    spec = {"applyTo": applied, "location": location, "parameters": {"assign": assign}}
    return _beside(resource("mutations.gatekeeper.sh/v1", "Assign", spec, namespace=None))


def _replaced(source: str, field: str, applied: str = "", *, by: str = "") -> Files:
    """An object of Flux into which a kustomization that a person (or `by`) applies writes something."""
    target = f"{{select: {{kind: Kustomization}}, fieldPaths: [{field}], options: {{create: true}}}}"
    return {
        "k/kustomization.yaml": f"resources: [e.yaml]\nreplacements: [{{{source}, targets: [{target}]}}]\n",
        "k/e.yaml": applied or _flux(),
        **({"flux/root.yaml": by} if by else {}),
    }


def _run(command: str) -> Files:
    return {"flux/e.yaml": _flux(), "d.sh": f"{command}\n"}


def _released(manifest: str = "") -> Files:
    """The policy in the values of a HelmRelease, and another manifest."""
    head = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: web, namespace: shop}\nspec:\n"
    inner = textwrap.indent(POLICY, "      ").lstrip()
    release = f"{head}  chart: {{spec: {{chart: raw}}}}\n  values:\n    resources:\n    - {inner}"
    listed = "resources: [web.yaml, policy.yaml, k.yaml]\n"
    beside = {"east/k.yaml": manifest, "east/kustomization.yaml": listed} if manifest else {}
    return {"east/policy.yaml": release, **beside}


_ELSEWHERE = [{"target": {"kind": "Deployment"}, "patch": _REMOVE}]
_PATH = json.dumps([{"op": "replace", "path": "/spec/path", "value": "./east"}])
_BY_ROOT = _flux(path="./k").replace('"name": "e"', '"name": "root"')
_INTO_RELEASE = (
    "resources: [policy.yaml, web.yaml]\nreplacements:\n- source: {kind: Thing, name: x}\n"
    "  targets: [{select: {kind: HelmRelease}, fieldPaths: [spec.FIELD], options: {create: true}}]\n"
)


def _rendered_behind(patches: Any, **substituted: str) -> Files:
    """The policy in a HelmRelease with a post-renderer, under a Flux Kustomization that substitutes variables."""
    text = str(_released()["east/policy.yaml"])
    renderer = f"  postRenderers:\n  - kustomize:\n      patches: {json.dumps(patches)}\n"
    flux = {"flux/e.yaml": _flux(postBuild={"substitute": substituted})}
    return {**flux, "east/policy.yaml": text.replace("  values:\n", f"{renderer}  values:\n")}


def _values(api: str, kind: str, spec: str) -> Files:
    return {
        "apps/r.yaml": f"apiVersion: {api}\nkind: {kind}\nmetadata: {{name: apps, namespace: argocd}}\nspec:\n{spec}"
    }


_ADDED = json.dumps([{"op": "add", "path": "/spec/patches", "value": _PATCHES}])
_OF_SET = (
    "  resources:\n  - apiVersion: kustomize.toolkit.fluxcd.io/v1\n    kind: Kustomization\n    metadata: {name: x}\n"
    f"    spec:\n      path: ./east\n      patches:\n      - {_INLINE}\n"
)
_HELD: dict[str, tuple[Files, str]] = {
    "kustomization of Flux by hand": (_by_hand(_flux(), "Kustomization", "/spec/patches", _PATCHES), "k/e.yaml"),
    "kustomization of an Application by hand": (
        _by_hand(_application(), "Application", "/spec/source/kustomize", {"patches": _PATCHES}),
        "k/e.yaml",
    ),
    "plugin of an Application by hand": (
        _by_hand(_application(), "Application", "/spec/source/plugin", {"name": "p"}),
        "a plugin of Application e",
    ),
    "one of two ways": (
        {
            "k/kustomization.yaml": "resources: [e.yaml]\n",
            "k/e.yaml": _flux(),
            "o/kustomization.yaml": "resources: [../k]\n",
            "p/kustomization.yaml": json.dumps(
                {"resources": ["../k"], "patches": [{"target": {"kind": "Kustomization"}, "patch": _ADDED}]}
            ),
        },
        "k/e.yaml",
    ),
    "Kyverno": (_mutated({"patchesJson6902": _ADDED}), "ClusterPolicy change (Kyverno)"),
    "ResourceSet": (_values("fluxcd.controlplane.io/v1", "ResourceSet", _OF_SET), "what apps/r.yaml:12 does"),
    "FluxInstance": (
        _values("fluxcd.controlplane.io/v1", "FluxInstance", f"  kustomize:\n    patches:\n    - {_INLINE}\n"),
        "what apps/r.yaml:7 does",
    ),
    "values of argocd-apps": (
        _values(
            "helm.toolkit.fluxcd.io/v2",
            "HelmRelease",
            f"  chart: {{spec: {{chart: argocd-apps}}}}\n  values:\n    patches: [{_INLINE}]\n",
        ),
        "what apps/r.yaml:7 does",
    ),
    "template of a chart": (
        {
            "charts/a/Chart.yaml": "apiVersion: v2\nname: a\nversion: 1.0.0\n",
            "charts/a/templates/k.yaml": "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n"
            f'metadata: {{name: "{{{{ .Release.Name }}}}"}}\nspec:\n  path: ./east\n  patches:\n  - {_INLINE}\n',
        },
        "what charts/a/templates/k.yaml:7 does",
    ),
}
_HELD |= {
    "replacement of the kind that a patch is for": (
        _replaced(_UNKNOWN, "spec.patches.0.target.kind", _flux(patches=_ELSEWHERE)),
        "`replacements` of k/kustomization.yaml:1, on the way of Kustomization e, may change it",
    ),
    "replacement of all patches": (_replaced(_UNKNOWN, "spec.patches"), "`replacements` of k/kustomization.yaml:1"),
    "replacement under another Kustomization": (
        _replaced(_UNKNOWN, "spec.patches", by=_BY_ROOT),
        "`replacements` of k/kustomization.yaml:1",
    ),
    "replacement of the path": (
        _replaced(_UNKNOWN, "spec.path", _flux(path="./other", patches=_PATCHES)),
        "a patch of k/e.yaml:1 may change it",
    ),
    "replacement that is known": (
        _replaced(
            "sourceValue: CiliumNetworkPolicy", "spec.patches.0.target.kind", _flux(patches=[*_ELSEWHERE, *_OTHERS])
        ),
        "a patch of k/e.yaml:1 changes it",
    ),
    "plugin": (
        {"k/kustomization.yaml": "resources: [e.yaml]\ntransformers: [t.yaml]\n", "k/e.yaml": _flux()}
        | {"k/t.yaml": resource("x/v1", "Thing")},
        "`transformers` of k/kustomization.yaml:1 (t.yaml), on the way of Kustomization e,",
    ),
    "patch that is not there": (
        {"k/kustomization.yaml": "resources: [e.yaml]\npatches: [{path: p.yaml, target: {kind: Kustomization}}]\n"}
        | {"k/e.yaml": _flux()},
        "on the way of Kustomization e,",
    ),
    "path with a variable": (
        _replaced("sourceValue: x", "spec.x", _flux(path="./${X}", patches=_PATCHES)),
        "a patch of k/e.yaml:1 may change it",
    ),
    "webhook for Flux": (_beside(webhook(_TOOLKIT, "kustomizations")), "may change what applies it at admission"),
    "webhook for Applications": (
        {**_beside(webhook("argoproj.io", "applications")), "flux/e.yaml": _application()},
        "(a webhook), east/k.yaml:1 may change what applies it",
    ),
    "expression with patches": (_expression("patches: params.patches"), "MutatingAdmissionPolicy x (the API server)"),
    "Kyverno with a value from elsewhere": (
        _mutated({"patchStrategicMerge": {"spec": {"patches": "{{ p.data.patches }}"}}}),
        "ClusterPolicy change (Kyverno)",
    ),
    "Kyverno that adds a component": (
        _mutated({"patchStrategicMerge": {"spec": {"+(components)": ["../c"]}}}),
        "ClusterPolicy change (Kyverno), east/k.yaml:1 may change what applies it at admission",
    ),
    "Gatekeeper": (_assigned("spec.patches", {"externalData": {"provider": "x"}}), "Assign x (Gatekeeper)"),
    "flux create": (
        {"d.sh": "flux create ks east --source=GitRepository/x \\\n  --path=./east --target-namespace=prod\n"},
        "`flux create ks` in d.sh:1",
    ),
    "argocd app create": (
        {"d.sh": "argocd app create e --path east --repo x --config-management-plugin p\n"},
        "`argocd app create` in d.sh:1",
    ),
    "argocd app set": ({"d.sh": "argocd app set e --kustomize-namespace prod\n"}, "`argocd app set` in d.sh:1"),
    "kubectl patch": (
        _run('kubectl patch ks/east -n flux-system --type=merge -p \'{"spec": {"patches": []}}\''),
        "`kubectl patch ks` in d.sh:1",
    ),
    "kubectl patch from a variable": (
        _run('kubectl patch kustomization east -p "$P"'),
        "`kubectl patch kustomization`",
    ),
    "release and Kyverno for policies": (
        _released(kyverno({"mutate": {"patchStrategicMerge": {"spec": {"ingress": []}}}}, ["CiliumNetworkPolicy"])),
        "ClusterPolicy change (Kyverno), east/k.yaml:1 may change it at admission",
    ),
    "release and webhook": (
        _released(webhook("helm.toolkit.fluxcd.io", "helmreleases")),
        "may change what applies it at admission",
    ),
    "release and replacement": (
        {**_released(), "east/kustomization.yaml": _INTO_RELEASE.replace("FIELD", "postRenderers")},
        "`replacements` of east/kustomization.yaml",
    ),
}
_FREE: dict[str, Files] = {
    "namespace of Flux by hand": {
        "k/kustomization.yaml": "resources: [e.yaml]\nnamespace: flux-system\n",
        "k/e.yaml": _flux(),
    },
    "interval of Flux by hand": _by_hand(_flux(), "Kustomization", "/spec/interval", "5m"),
    "patches of another kind by hand": _by_hand(_flux(), "Kustomization", "/spec/patches", _OTHERS),
    "Kyverno for the interval": _mutated({"patchStrategicMerge": {"spec": {"interval": "5m"}}}),
    "ResourceSet for another kind": _values(
        "fluxcd.controlplane.io/v1", "ResourceSet", _OF_SET.replace("CiliumNetworkPolicy", "Ingress")
    ),
}
_HELD |= {
    "post-renderer behind variables": (_rendered_behind(_PATCHES, A="b"), "postRenderers of HelmRelease web"),
    "post-renderer of a variable's kind": (
        _rendered_behind([{"target": {"kind": "${K}"}, "patch": _REMOVE}], K="CiliumNetworkPolicy"),
        "postRenderers of HelmRelease web",
    ),
}
_FREE |= {
    "patches of what applies another folder": {"k/e.yaml": _flux(path="./other", patches=_PATCHES), "other/x.yaml": ""},
    "replacement of patches of what applies another folder": {
        **_replaced(_UNKNOWN, "spec.patches", _flux(path="./other")),
        "other/x.yaml": "",
    },
    "post-renderer of another kind behind variables": _rendered_behind(_OTHERS, A="b"),
    "replacement of the interval": _replaced(_UNKNOWN, "spec.interval"),
    "patch of another kind that is not there": {
        "k/kustomization.yaml": "resources: [e.yaml]\npatches: [{path: p.yaml, target: {kind: Deployment}}]\n",
        "k/e.yaml": _flux(),
    },
    "webhook for releases": _beside(webhook("helm.toolkit.fluxcd.io", "helmreleases")),
    "webhook for certificates": _beside(webhook("cert-manager.io", "certificates")),
    "expression with the interval": _expression('interval: "5m"'),
    "Kyverno with patches of another kind": _mutated({"patchStrategicMerge": {"spec": {"patches": _OTHERS}}}),
    "Gatekeeper for the interval": _assigned("spec.interval", {"value": "5m"}),
    "flux create that is printed": {"d.sh": "flux create ks e --path=./east --target-namespace=prod --export\n"},
    "flux create of another folder": {"d.sh": "flux create ks e --path=./apps --target-namespace=prod\n"},
    "flux create as it is": {"d.sh": "flux create ks e --source=GitRepository/x --path=./east --prune=true\n"},
    "kubectl that suspends": _run('kubectl patch ks $NAME --type=merge -p \'{"spec": {"suspend": true}}\''),
    "kubectl that lets go": _run(
        'kubectl patch ks e --type=json -p \'[{"op": "remove", "path": "/metadata/finalizers"}]\''
    ),
    "release and replacement of the interval": {
        **_released(),
        "east/kustomization.yaml": _INTO_RELEASE.replace("FIELD", "interval"),
    },
}


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/nowhere")


@pytest.mark.parametrize("name", _HELD)
def test_a_policy_behind_it_is_held(name: str, tmp_path: Path) -> None:
    files, words = _HELD[name]
    findings = found(tmp_path, {**BASE, **files}, "cluster-entity", from_version="1.18", to_version="1.19")
    assert [each.fixed for each in findings] == [False]
    assert words in findings[0].not_fixed


@pytest.mark.parametrize("name", _FREE)
def test_what_adds_no_patch_of_policies_holds_nothing(name: str, tmp_path: Path) -> None:
    findings = found(tmp_path, {**BASE, **_FREE[name]}, "cluster-entity", from_version="1.18", to_version="1.19")
    assert [(each.applicability, each.fixed) for each in findings] == [("evident", True)]


@pytest.mark.parametrize("root", ["", _BY_ROOT])
def test_the_path_that_a_patch_writes_is_followed(root: str, tmp_path: Path) -> None:
    patches = [{"target": {"kind": "Kustomization"}, "patch": _PATH}]
    files = {
        "k/kustomization.yaml": json.dumps({"resources": ["e.yaml"], "patches": patches}),
        "k/e.yaml": _flux(path="./nowhere", patches=_PATCHES),
        **({"flux/root.yaml": root} if root else {}),
    }
    [finding] = found(tmp_path, {**BASE, **files}, "cluster-entity", from_version="1.18", to_version="1.19")
    assert "the policy is judged as kustomization east under k/e.yaml:1 builds it" in finding.evidence


def test_what_changes_the_root_changes_all_below_it(tmp_path: Path) -> None:
    files = {**_replaced(_UNKNOWN, "spec.patches", _flux(path="./mid")), "mid/f.yaml": _flux()}
    files["mid/kustomization.yaml"] = "resources: [f.yaml]\n"
    [finding] = found(tmp_path, {**BASE, **files}, "cluster-entity", from_version="1.18", to_version="1.19")
    assert not finding.fixed
    assert "`replacements` of k/kustomization.yaml:1, on the way of Kustomization e, may change" in finding.not_fixed
