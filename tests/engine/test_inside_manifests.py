"""Policies inside manifests of other kinds: found at their route, placed by what holds them, fixed in place."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from tests.engine.charts.support import DNS, STAR, Repository

#: The rules of a policy with a mistake in one of them.
SPEC = "spec:\n  endpointSelector: {}\n  egress:\n" + textwrap.indent(textwrap.dedent(DNS + STAR), "    ")
POLICY = "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata:\n  name: web\n" + SPEC
#: A subject that is filled in.
SELECTED = 'Selector: {matchLabels: {app: "{{ .Release.Name }}"}}'


def below(indent: int, text: str = POLICY, *, item: bool = False) -> str:
    lines = textwrap.indent(text, " " * (indent + 2 * item))
    return lines.replace(" " * (indent + 2), " " * indent + "- ", 1) if item else lines


RELEASE = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: web, namespace: shop}\nspec:\n"
APPLICATION = (
    "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: web, namespace: argocd}\n"
    "spec:\n  destination: {namespace: prod, server: https://kubernetes.default.svc}\n"
    "  source:\n    repoURL: https://example.com\n    chart: web\n    helm:\n"
)
SET = (
    "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {name: web, namespace: argocd}\n"
    "spec:\n  generators: [{list: {elements: [{a: b}]}}]\n  template:\n    metadata: {name: web}\n    spec:\n"
    "      destination: {namespace: prod, server: https://kubernetes.default.svc}\n"
    "      source:\n        repoURL: https://example.com\n        chart: web\n        helm:\n"
)
OBJECT = "apiVersion: kubernetes.crossplane.io/v1alpha2\nkind: Object\n"
COMPOSITION = "apiVersion: apiextensions.crossplane.io/v1\nkind: Composition\nmetadata: {name: web}\nspec:\n"
BASE = (
    "  resources:\n    - name: policy\n      base:\n        apiVersion: kubernetes.crossplane.io/v1alpha2\n"
    "        kind: Object\n        spec:\n          forProvider:\n            manifest:\n" + below(14)
)
STEP = (
    "  mode: Pipeline\n  pipeline:\n    - step: render\n      functionRef: {name: function-patch-and-transform}\n"
    "      input:\n        apiVersion: pt.fn.crossplane.io/v1beta1\n        kind: Resources\n" + below(6, BASE)
)
PATCH = (
    "patches:\n  - type: FromCompositeFieldPath\n    fromFieldPath: spec.a\n    toFieldPath: spec.forProvider.manifest."
)
GRAPH = (
    "apiVersion: kro.run/v1alpha1\nkind: ResourceGraphDefinition\nmetadata: {name: web}\nspec:\n"
    "  schema: {apiVersion: v1alpha1, kind: Web, spec: {name: string}}\n  resources:\n"
    "    - id: policy\n      template:\n"
)
KYVERNO = (
    "apiVersion: kyverno.io/v1\nkind: ClusterPolicy\nmetadata: {name: web}\nspec:\n  rules:\n    - name: web\n"
    "      match: {any: [{resources: {kinds: [Namespace]}}]}\n"
)
GENERATE = (
    "      generate:\n        synchronize: true\n        apiVersion: cilium.io/v2\n        kind: CiliumNetworkPolicy\n"
    '        name: web\n        namespace: "{{request.object.metadata.name}}"\n        data:\n'
)

#: By name: a manifest that holds a policy, the namespace in which it lands (`default`: not known), and its name.
FIXED: dict[str, tuple[str, str, str]] = {
    "extraObjects": (RELEASE + "  values:\n    extraObjects:\n" + below(6, item=True), "shop", "web"),
    "extraManifests, a text": (RELEASE + "  values:\n    extraManifests:\n      - |\n" + below(8), "shop", "web"),
    "rawResources": (
        RELEASE
        + "  targetNamespace: prod\n  values:\n    rawResources:\n      deny:\n        apiVersion: cilium.io/v2\n"
        + "        kind: CiliumNetworkPolicy\n        spec:\n"
        + below(10, SPEC),
        "prod",
        "deny",
    ),
    "a name that the chart fills in": (
        RELEASE
        + "  values:\n    extraObjects:\n"
        + below(6, item=True).replace(
            "name: web\n", 'name: "{{ .Release.Name }}-web"\n          namespace: "{{ .Release.Namespace }}"\n'
        ),
        "shop",
        "{{ .Release.Name }}-web",
    ),
    "valuesObject": (
        APPLICATION + "      valuesObject:\n        extraObjects:\n" + below(10, item=True),
        "prod",
        "web",
    ),
    "values": (APPLICATION + "      values: |\n        extraObjects:\n" + below(10, item=True), "prod", "web"),
    "ApplicationSet": (SET + "          valuesObject:\n            extra:\n" + below(14, item=True), "prod", "web"),
    "Crossplane, an object": (
        OBJECT + "metadata: {name: a}\nspec:\n  forProvider:\n    manifest:\n" + below(6),
        "default",
        "web",
    ),
    "Crossplane, a composition": (COMPOSITION + BASE, "default", "web"),
    "Crossplane, a patch of the name": (
        COMPOSITION + BASE + below(6, PATCH + "metadata.name\n"),
        "default",
        "web",
    ),
    "Crossplane, the input of a function": (COMPOSITION + STEP, "default", "web"),
    "kro": (GRAPH + below(8).replace("name: web", "name: ${schema.spec.name}"), "default", "${schema.spec.name}"),
    "a List in a List": (
        "apiVersion: v1\nkind: List\nitems:\n  - apiVersion: v1\n    kind: List\n    items:\n" + below(6, item=True),
        "default",
        "web",
    ),
    "Kyverno": (
        KYVERNO + GENERATE + below(10, SPEC),
        "{{request.object.metadata.name}}",
        "web",
    ),
    "Kyverno, for each": (
        KYVERNO
        + "      generate:\n        synchronize: true\n        foreach:\n          - list: request.object.spec.names\n"
        + below(4, GENERATE.split("synchronize: true\n")[1]).replace("{{request.object.metadata.name}}", "prod")
        + below(14, SPEC),
        "prod",
        "web",
    ),
}


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    root = tmp_path / "repository"
    root.mkdir()
    return Repository(root, monkeypatch)


@pytest.mark.parametrize("name", FIXED)
def test_a_mistake_is_fixed_in_place(name: str, repository: Repository) -> None:
    before, namespace, policy = FIXED[name]
    found = repository.treat({"file.yaml": before}, programs=())
    [finding] = found.findings
    assert (finding["id"], finding["fixed"]) == ("fqdn-double-star", True), finding["advice"]
    assert (finding["namespace"], finding["name"]) == (namespace, policy)
    assert '"**.' in before.split("\n")[finding["line"] - 1]
    assert found.after == {"file.yaml": before.replace('"**.', '"*.')}


@pytest.mark.parametrize("name", FIXED)
def test_what_is_right_stays_as_it_is(name: str, repository: Repository) -> None:
    before = FIXED[name][0].replace('"**.', '"*.')
    found = repository.treat({"file.yaml": before}, programs=())
    assert (found.findings, found.after) == ([], {"file.yaml": before})


#: By name: a manifest that holds a policy which is left, and the reason.
LEFT = {
    "Crossplane, a patch of the rules": (
        COMPOSITION + BASE + below(6, PATCH + "spec.egress[1].toFQDNs\n"),
        "patches of the composition change the policy",
    ),
    "Crossplane, a patch in the input of a function": (
        COMPOSITION + STEP + below(12, PATCH + "spec.egress\n"),
        "patches of the composition change the policy",
    ),
    "Kyverno, rules that are filled in": (
        KYVERNO + GENERATE + below(10, SPEC).replace("Selector: {}", SELECTED),
        "the policy stands in a template",
    ),
    "values, rules that are filled in": (
        RELEASE + "  values:\n    extraObjects:\n" + below(6, item=True).replace("Selector: {}", SELECTED),
        "the policy stands in a template",
    ),
}


@pytest.mark.parametrize("name", LEFT)
def test_a_mistake_is_reported_with_the_reason(name: str, repository: Repository) -> None:
    before, reason = LEFT[name]
    found = repository.treat({"file.yaml": before}, programs=())
    [finding] = found.findings
    assert (finding["id"], finding["fixed"]) == ("fqdn-double-star", False)
    assert reason in finding["advice"]
    assert "\n" not in finding["advice"]
    assert found.after == {"file.yaml": before}


def test_a_policy_is_fixed_beside_one_that_is_filled_in(repository: Repository) -> None:
    filled = below(6, item=True).replace("name: web", "name: filled").replace("Selector: {}", SELECTED)
    before = RELEASE + "  values:\n    extraObjects:\n" + filled + below(6, item=True)
    found = repository.treat({"file.yaml": before}, programs=())
    assert [(each["name"], each["fixed"]) for each in found.findings] == [("filled", False), ("web", True)]
    fixed = below(6, item=True).replace('"**.', '"*.')
    assert found.after == {"file.yaml": before.removesuffix(below(6, item=True)) + fixed}


@pytest.mark.parametrize("synchronize", ["", "        synchronize: false\n"])
def test_what_kyverno_does_not_synchronize_is_named(synchronize: str, repository: Repository) -> None:
    before = KYVERNO + GENERATE.replace("        synchronize: true\n", synchronize) + below(10, SPEC)
    [finding] = repository.treat({"file.yaml": before}, programs=()).findings
    assert finding["fixed"]
    assert "Kyverno generates it without `synchronize: true`" in str(finding["evidence"])


#: Manifests that name a policy and hold none.
NONE = {
    "a reference": OBJECT
    + "metadata: {name: a}\nspec:\n  references:\n"
    + "    - dependsOn: {apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, name: web}\n"
    + "  forProvider:\n    manifest: {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n",
    "a rule that validates": KYVERNO + "      validate:\n        pattern:\n" + below(10),
    "a patch": KYVERNO + "      mutate:\n        patchStrategicMerge:\n" + below(10),
    "a health check": "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: a}\n"
    + "spec:\n  healthChecks:\n    - {apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, name: web}\n",
}


@pytest.mark.parametrize("name", NONE)
def test_a_manifest_that_only_names_a_policy_holds_none(name: str, repository: Repository) -> None:
    found = repository.treat({"file.yaml": NONE[name]}, programs=())
    assert (found.findings, found.after) == ([], {"file.yaml": NONE[name]})
