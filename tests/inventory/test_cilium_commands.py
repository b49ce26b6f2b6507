"""Cilium that scripts, task runners and Ansible install: what is plain there is a setting, with its line."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from rewriter.inventory.facts.model import Cluster
from tests.inventory.support import inventory

POOL = "ipam.operator.clusterPoolIPv4PodCIDRList"
FORMS: Mapping[str, tuple[str, str, int]] = {
    "cilium install": (
        "install.sh",
        "#!/bin/bash\ncilium install --version 1.18.2 \\\n"
        f"  --set {POOL}='{{10.77.0.0/16}}' \\\n  --set kubeProxyReplacement=true\n",
        2,
    ),
    "helm upgrade, by Task": (
        "Taskfile.yaml",
        'version: "3"\ntasks:\n  cni:\n    cmds:\n'
        "      - helm upgrade --install cilium cilium/cilium --version=1.18.2"
        f" -n kube-system --set={POOL}={{10.77.0.0/16}},kubeProxyReplacement=true\n",
        5,
    ),
    "helm install from a repository, by make": (
        "Makefile",
        "cni:\n\thelm install cilium cilium --repo https://helm.cilium.io --version 1.18.2"
        f" --set {POOL}={{10.77.0.0/16}} --set kubeProxyReplacement=true\n",
        2,
    ),
    "a command of Ansible": (
        "roles/cni/tasks/main.yml",
        "- name: Cilium\n  ansible.builtin.command: >-\n    cilium install --version 1.18.2\n"
        f"    --set {POOL}=10.77.0.0/16\n    --set kubeProxyReplacement=true\n",
        3,
    ),
    "a module of Ansible": (
        "roles/cni/tasks/main.yml",
        "- name: Cilium\n  kubernetes.core.helm:\n    name: cilium\n    chart_ref: cilium/cilium\n"
        "    chart_version: 1.18.2\n    release_namespace: kube-system\n    values:\n      kubeProxyReplacement: true\n"
        "      ipam: {operator: {clusterPoolIPv4PodCIDRList: [10.77.0.0/16]}}\n",
        0,
    ),
}
VALUES = """\
kubeProxyReplacement: true
hubble: {enabled: true}
ipam: {operator: {clusterPoolIPv4PodCIDRList: [10.77.0.0/16]}}
"""


def cluster(files: Mapping[str, str]) -> Cluster | None:
    found = inventory(files).clusters
    return found[0] if len(found) == 1 else None


@pytest.mark.parametrize(("path", "text", "line"), FORMS.values(), ids=FORMS)
def test_a_command_says_what_it_sets(path: str, text: str, line: int) -> None:
    found = cluster({path: text})
    assert found is not None
    assert (found.version and str(found.version), found.pod_cidrs, found.kube_proxy_replacement) == (
        "1.18.2",
        ("10.77.0.0/16",),
        True,
    )
    source = found.source_of("pod_cidrs")
    assert source.path == path and (not line or source.line == line)


def test_a_values_file_that_a_command_names_lies_below_what_it_sets() -> None:
    command = "helm upgrade cilium cilium/cilium --version 1.18.2 -f cni/values.yaml --set kubeProxyReplacement=false\n"
    found = cluster({"install.sh": command, "cni/values.yaml": VALUES})
    assert found is not None and (found.pod_cidrs, found.kube_proxy_replacement) == (("10.77.0.0/16",), False)


@pytest.mark.parametrize(
    "text",
    [
        f"cilium install --version $VERSION --set {POOL}=$PODS\n",
        f"helm install cilium cilium/cilium --set {POOL}={{{{ pods }}}}\n",
        f"# cilium install --set {POOL}=10.77.0.0/16\n",
        f"echo cilium install --set {POOL}=10.77.0.0/16\n",
        f"helm install cilium cilium/cilium --dry-run --set {POOL}=10.77.0.0/16\n",
        f"kind create cluster\ncilium install --set {POOL}=10.77.0.0/16\n",
        f"cat <<EOF\nUsage: cilium install --set {POOL}=10.77.0.0/16\nEOF\n",
        f"printf 'cilium install --set {POOL}=10.77.0.0/16'\n",
        f"helm install hubble example/hubble --set {POOL}=10.77.0.0/16\n",
        f"cilium install --set {POOL}=10.77.0.0/16\ncilium install --set {POOL}=10.78.0.0/16\n",
    ],
)
def test_what_is_not_plain_or_not_run_says_nothing(text: str) -> None:
    found = cluster({"install.sh": text})
    assert found is None or found.pod_cidrs is None


def test_a_release_in_the_tree_has_the_word() -> None:
    release = (
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: cilium, namespace: kube-system}\n"
        "spec:\n  chart: {spec: {chart: cilium, version: 1.19.1, sourceRef: {kind: HelmRepository, name: cilium}}}\n"
        "  values: {ipam: {operator: {clusterPoolIPv4PodCIDRList: [10.42.0.0/16]}}}\n"
    )
    found = cluster({"install.sh": f"cilium install --set {POOL}=10.77.0.0/16\n", "cilium.yaml": release})
    assert found is not None and found.pod_cidrs == ("10.42.0.0/16",)


def test_a_task_that_removes_cilium_installs_none() -> None:
    path, text, _ = FORMS["a module of Ansible"]
    found = cluster({path: text.replace("    values:", "    state: absent\n    values:")})
    assert found is None or (found.version, found.pod_cidrs) == (None, ())
