"""What may set Cilium's agents and is not read: each place with the fields that it may set."""

from __future__ import annotations

import pytest

from tests.inventory.support import inventory

RELEASE = """\
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: cilium, namespace: kube-system}
spec:
  chart: {spec: {chart: cilium, version: 1.18.3, sourceRef: {kind: HelmRepository, name: cilium}}}
"""
SECRET = f"{RELEASE}  valuesFrom: [{{kind: Secret, name: s}}]\n"
TERRAFORM = """\
resource "helm_release" "cilium" {
  name      = "cilium"
  namespace = "kube-system"
  chart     = "cilium"
  values    = [yamlencode({ policyEnforcementMode = "default" })]
  set {
    name  = "NAME"
    value = var.x
  }
}
"""
SCRIPT = "#!/bin/sh\nhelm upgrade --install cilium cilium/cilium -n kube-system --set NAME=$X\n"
ANY = [None]


@pytest.mark.parametrize(
    ("path", "text", "fields"),
    [
        ("c.yaml", RELEASE, []),
        ("c.yaml", SECRET, ANY),
        ("c.yaml", f"{RELEASE}  values: {{policyEnforcementMode: '${{MODE}}'}}\n", [("enforcement",)]),
        (
            "c.yaml",
            f"{RELEASE}  values: {{policyCIDRMatchMode: '${{MODE}}'}}\n",
            [("cidr_match_nodes", "cidr_match_pods")],
        ),
        ("c.yaml", f"{RELEASE}  values: {{k8sServiceHost: '${{HOST}}'}}\n", []),
        ("c.tf", TERRAFORM.replace("NAME", "policyEnforcementMode"), [("enforcement",)]),
        ("c.tf", TERRAFORM.replace("NAME", "k8sServiceHost"), [()]),
        ("c.tf", TERRAFORM.replace("NAME", "extraConfig.enable-policy"), [("enforcement",)]),
        ("c.tf", TERRAFORM.replace('[yamlencode({ policyEnforcementMode = "default" })]', "var.values"), ANY),
        ("install.sh", SCRIPT.replace("NAME", "policyEnforcementMode"), [("enforcement",)]),
        ("install.sh", SCRIPT.replace("NAME", "k8sServiceHost"), [()]),
        ("install.sh", SCRIPT.replace("--set NAME=$X", "-f gone.yaml"), ANY),
    ],
)
def test_a_place_tells_which_fields_it_may_set(path: str, text: str, fields: list[tuple[str, ...] | None]) -> None:
    found = inventory({path: text}).unread_settings(None)
    assert [unread.fields for unread in found] == fields


MAP = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: m, namespace: kube-system}
data: {values.yaml: "policyEnforcementMode: default"}
"""


@pytest.mark.parametrize(
    ("files", "overrides"),
    [
        ({"c.tf": TERRAFORM.replace("NAME", "policyEnforcementMode")}, ["enforcement"]),
        ({"c.tf": TERRAFORM.replace("NAME", "policyCIDRMatchMode")}, []),
        ({"c.yaml": f"{SECRET}  values: {{policyEnforcementMode: default}}\n"}, []),
        ({"c.yaml": SECRET.replace("[{", "[{kind: ConfigMap, name: m}, {"), "m.yaml": MAP}, ["enforcement"]),
    ],
)
def test_what_stands_below_an_unread_source_may_be_another(files: dict[str, str], overrides: list[str]) -> None:
    (unread,) = inventory(files).unread_settings(None)
    assert [field for field, _ in unread.overrides] == overrides
