"""What may set Cilium's agents and is not read: each place with the fields that it may set."""

from __future__ import annotations

import pytest

from rewriter.inventory.facts.model import Cluster, Source
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
        ({"c.yaml": f"{SECRET.replace('[{', '[{kind: ConfigMap, name: m}, {')}---\n{MAP}"}, ["enforcement"]),
        ({"c.yaml": f"{MAP}---\n{SECRET.replace('[{', '[{kind: ConfigMap, name: m}, {')}"}, ["enforcement"]),
        ({"c.yaml": f"{MAP}---\n{SECRET}  values: {{policyEnforcementMode: default}}\n---\n{MAP}"}, []),
    ],
)
def test_what_stands_below_an_unread_source_may_be_another(files: dict[str, str], overrides: list[str]) -> None:
    (unread,) = inventory(files).unread_settings(None)
    assert [field for field, _ in unread.overrides] == overrides


@pytest.mark.parametrize(("path", "names"), [("a/c.yaml", ["a"]), ("b/c.yaml", ["b"]), ("c.yaml", ["a", "b"])])
def test_an_installation_without_a_name_is_that_of_its_folder(path: str, names: list[str]) -> None:
    clusters = [Cluster(name, Source("cnpfix.toml"), local_paths=(f"{name}/**",)) for name in ("a", "b")]
    found = inventory({path: SECRET}, clusters=clusters, local={"a/": "a", "b/": "b"})
    assert [cluster.name for cluster in found.clusters if found.unread_settings(cluster)] == names
