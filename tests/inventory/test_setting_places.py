"""A setting is cited at the line that holds its value, wherever a release takes it from."""

from __future__ import annotations

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
}


@pytest.mark.parametrize("name", PLACES)
def test_a_setting_is_cited_at_the_line_of_its_value(name: str) -> None:
    files, place = PLACES[name]
    (install,) = inventory(files).installs
    assert install.settings.enforcement == "always"
    assert str(install.settings.source_of("enforcement")) == place
