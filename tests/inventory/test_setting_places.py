"""A setting is cited at the line that holds its value, wherever a release takes it from."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from tests.inventory.support import inventory

RELEASE = """\
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: cilium, namespace: kube-system}
spec:
  chart: {spec: {chart: cilium, version: 1.18.3, sourceRef: {kind: HelmRepository, name: cilium}}}
"""
FROM = "  valuesFrom:\n  - {kind: ConfigMap, name: cilium-values}\n"
TARGET = (
    "  valuesFrom:\n  - {kind: ConfigMap, name: cilium-values, valuesKey: mode, targetPath: policyEnforcementMode}\n"
)
MAP = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: cilium-values, namespace: kube-system}
data:
  values.yaml: |
    a: b
    policyEnforcementMode: always
  mode: always
"""
#: Alike, and none that the release takes anything from.
OTHER = MAP.replace("cilium-values", "other-values")
APPLICATION = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: cilium, namespace: argocd}
spec:
  destination: {namespace: kube-system, server: https://kubernetes.default.svc}
  source:
    chart: cilium
    repoURL: https://helm.cilium.io
    targetRevision: 1.18.3
    helm:
"""
PARAMETER = """\
      parameters:
      - name: other
        value: always
      - name: policyEnforcementMode
        value: always
"""
K3S = """\
apiVersion: helm.cattle.io/v1
kind: HelmChart
metadata: {name: cilium, namespace: kube-system}
spec:
  chart: cilium
  version: 1.18.3
  set:
    hubble.enabled: "true"
    policyEnforcementMode: always
"""
HELMFILE = """\
releases:
- name: cilium
  namespace: kube-system
  chart: cilium/cilium
  version: 1.18.3
  set:
  - name: policyEnforcementMode
    value: always
"""
TERRAFORM = """\
resource "helm_release" "other" {
  name  = "other"
  chart = "other"
  set {
    name  = "policyEnforcementMode"
    value = "always"
  }
}

resource "helm_release" "cilium" {
  name       = "cilium"
  repository = "https://helm.cilium.io"
  chart      = "cilium"
  version    = "1.18.3"
VALUES}
"""
SET = '  set {\n    name  = "policyEnforcementMode"\n    value = "always"\n  }\n'
HEREDOC = "  values = [<<EOT\na: b\npolicyEnforcementMode: always\nEOT\n  ]\n"
ENCODED = '  values = [yamlencode({\n    policyEnforcementMode = "always"\n  })]\n'
GENERATED = "resources: [a.yaml]\nconfigMapGenerator:\n- name: cilium-values\n  literals:\n  - x=y\n  - mode=always\n"
OPERATION = """\
resources: [a.yaml]
patches:
- target: {kind: HelmRelease}
  patch: |
    - op: add
      path: /spec/values/policyEnforcementMode
      value: always
"""
MERGED = RELEASE.partition("  chart:")[0] + "  values:\n    policyEnforcementMode: always\n"

NESTED = "matrix:\n      generators:\n      - list: {elements: [{a: b}]}\n      - list: {elements: [{mode: always}]}"
GIT = "git:\n      repoURL: https://git.example.com/a\n      files: [{path: 'clusters/*/config.yaml'}]"
TEXT = "values: |\n            a: b\n            policyEnforcementMode: {{ .mode }}"
OBJECT = "valuesObject:\n            policyEnforcementMode: '{{ .mode }}'"
AS_PARAMETER = "parameters:\n          - name: policyEnforcementMode\n            value: '{{ .mode }}'"


def application_set(generator: str, values: str, patch: str = "") -> str:
    return f"""\
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {{name: cilium, namespace: argocd}}
spec:
  goTemplate: true
  generators:
  - {generator}
  template:
    metadata: {{name: cilium}}
    spec:
      destination: {{namespace: kube-system, name: one}}
      source:
        chart: cilium
        repoURL: https://helm.cilium.io
        targetRevision: 1.18.3
        helm:
          {values}
{patch}"""


SECRET = """\
apiVersion: v1
kind: Secret
metadata: {name: one, labels: {argocd.argoproj.io/secret-type: cluster, a: b, mode: always}}
stringData: {name: one, server: https://one}
"""
ONE = "list:\n      elements:\n      - name: one\n        mode: always"
PATCH = """\
  templatePatch: |
    spec:
      source:
        helm:
          valuesObject:
            policyEnforcementMode: always
"""
UMBRELLA = {
    "chart/Chart.yaml": "apiVersion: v2\nname: net\nversion: 1.0.0\ndependencies: [{name: cilium, version: 1.18.3}]\n",
    "chart/values.yaml": "cilium:\n  a: b\n",
}
OF_UMBRELLA = APPLICATION.replace(
    "chart: cilium\n    repoURL: https://helm.cilium.io", "path: chart\n    repoURL: here"
)

#: By name: the files, and where the setting is cited.
PLACES: dict[str, tuple[Mapping[str, str], str]] = {
    "its own values": ({"a.yaml": RELEASE + "  values:\n    policyEnforcementMode: always\n"}, "a.yaml:7"),
    "a ConfigMap of another folder": ({"r/a.yaml": RELEASE + FROM, "v/m.yaml": MAP, "v/o.yaml": OTHER}, "v/m.yaml:7"),
    "a ConfigMap of the same file": ({"a.yaml": f"{RELEASE}{FROM}---\n{OTHER}---\n{MAP}"}, "a.yaml:24"),
    "a target path": ({"r/a.yaml": RELEASE + TARGET, "v/m.yaml": MAP, "r/o.yaml": OTHER}, "v/m.yaml:8"),
    "a literal of a generator": ({"kustomization.yaml": GENERATED, "a.yaml": RELEASE + TARGET}, "kustomization.yaml:6"),
    "a parameter": ({"a.yaml": APPLICATION + PARAMETER}, "a.yaml:15"),
    "a parameter over other values": (
        {"a.yaml": f"{APPLICATION}      valuesObject:\n        policyEnforcementMode: never\n{PARAMETER}"},
        "a.yaml:17",
    ),
    "values of an Application as text": (
        {"a.yaml": f"{APPLICATION}      values: |\n        a: b\n        policyEnforcementMode: always\n"},
        "a.yaml:13",
    ),
    "set of a HelmChart": ({"a.yaml": K3S}, "a.yaml:9"),
    "set of helmfile": ({"helmfile.yaml": HELMFILE}, "helmfile.yaml:8"),
    "set of Terraform": ({"main.tf": TERRAFORM.replace("VALUES", SET)}, "main.tf:17"),
    "a heredoc of Terraform": ({"main.tf": TERRAFORM.replace("VALUES", HEREDOC)}, "main.tf:17"),
    "yamlencode of Terraform": ({"main.tf": TERRAFORM.replace("VALUES", ENCODED)}, "main.tf:16"),
    "an operation of a patch": (
        {"kustomization.yaml": OPERATION, "a.yaml": RELEASE + "  values:\n    a: b\n"},
        "kustomization.yaml:7",
    ),
    "a patch of its own file": (
        {"kustomization.yaml": "resources: [a.yaml]\npatches: [{path: p.yaml}]\n", "p.yaml": MERGED, "a.yaml": RELEASE},
        "p.yaml:6",
    ),
    "a patch in quotes": (
        {
            "kustomization.yaml": "resources: [a.yaml]\npatches:\n- target: {kind: HelmRelease}\n  patch: "
            + json.dumps(MERGED + "    a: b\n    c: d\n")
            + "\n",
            "a.yaml": RELEASE,
        },
        "kustomization.yaml:4",
    ),
    "a template's own values": (
        {"a.yaml": application_set(ONE, "valuesObject:\n            policyEnforcementMode: always")},
        "a.yaml:21",
    ),
    "an element, by text": ({"a.yaml": application_set(ONE, TEXT)}, "a.yaml:10"),
    "an element, by an object": ({"a.yaml": application_set(ONE, OBJECT)}, "a.yaml:10"),
    "an element, by a parameter": ({"a.yaml": application_set(ONE, AS_PARAMETER)}, "a.yaml:10"),
    "an element of a matrix": ({"a.yaml": application_set(NESTED, OBJECT)}, "a.yaml:10"),
    "the values of a generator": (
        {"a.yaml": application_set("clusters:\n      values: {mode: always}", OBJECT.replace(".mode", ".values.mode"))},
        "a.yaml:8",
    ),
    "a file of elements": (
        {"a.yaml": application_set(GIT, OBJECT), "clusters/a/config.yaml": "x: y\nmode: always\n", "b.yaml": "mode: b"},
        "clusters/a/config.yaml:2",
    ),
    "a patch of the template": (
        {"a.yaml": application_set(ONE, "valuesObject: {a: b}", PATCH)},
        "a.yaml:26",
    ),
    "a chart that depends on Cilium's": (
        {**UMBRELLA, "chart/values.yaml": "cilium:\n  a: b\n  policyEnforcementMode: always\n"},
        "chart/values.yaml:3",
    ),
    "a parameter for a chart that depends on Cilium's": (
        {**UMBRELLA, "a.yaml": OF_UMBRELLA + PARAMETER.replace("policyE", "cilium.policyE")},
        "a.yaml:15",
    ),
    "a value that a cluster's Secret gives": (
        {
            "a.yaml": application_set(
                "clusters: {selector: {matchLabels: {a: b}}}", OBJECT.replace(".mode", ".metadata.labels.mode")
            ),
            "s.yaml": SECRET,
        },
        "a.yaml:18",
    ),
}


@pytest.mark.parametrize("name", PLACES)
def test_a_setting_is_cited_at_the_line_of_its_value(name: str) -> None:
    files, place = PLACES[name]
    (install,) = inventory(files).installs
    assert install.settings.enforcement == "always"
    assert str(install.settings.source_of("enforcement")) == place


@pytest.mark.parametrize(("cluster", "line"), [("one", 9), ("two", 10)])
def test_the_element_of_the_cluster_is_cited(cluster: str, line: int) -> None:
    elements = "list:\n      elements:\n      - {name: one, mode: always}\n      - {name: two, mode: always}"
    text = application_set(elements, OBJECT + "\n            cluster: {name: '{{ .name }}'}")
    found = {each.settings.name: each.settings for each in inventory({"a.yaml": text}).installs}
    assert str(found[cluster].source_of("enforcement")) == f"a.yaml:{line}"
