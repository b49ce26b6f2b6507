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


INSTALL = f"cilium install --version 1.18.2 --set {POOL}=10.77.0.0/16"
TASK = "- name: Cilium\n  ansible.builtin.command: " + INSTALL + "\n"
JOB = "deploy:\n  script:\n    - " + INSTALL + "\n"
STEP = "on: push\njobs:\n  cni:\n    runs-on: x\n    steps:\n      - run: " + INSTALL + "\n"
#: What gives a cluster a name that the tree does not tell, by the file that says so.
NAMELESS = {
    "a variable": ("install.sh", f"{INSTALL} --set cluster.name=$NAME\n"),
    "a variable in quotes": ("install.sh", f'{INSTALL} --set "cluster.name=${{NAME}}"\n'),
    "part of a name": ("install.sh", f"{INSTALL} --set cluster.name=shop-$REGION,cluster.id=1\n"),
    "what a command prints": ("install.sh", f"{INSTALL} --set cluster.name=$(kubectl config view | head -1)\n"),
    "any options": ("install.sh", f'{INSTALL} "$@"\n'),
    "options in a variable": ("Makefile", f"cni:\n\t{INSTALL} $(FLAGS)\n"),
    "a file in a variable": ("install.sh", f'{INSTALL} -f "$VALUES"\n'),
    "a file that is not there": ("install.sh", f"{INSTALL} -f there.yaml\n"),
    "values on stdin": ("install.sh", f"render | helm upgrade cilium cilium/cilium --set {POOL}=10.77.0.0/16 -f -\n"),
    "a path in a variable": ("install.sh", f"{INSTALL} --set $KEY=x\n"),
    "a value in JSON": ("install.sh", f'{INSTALL} --set-json \'cluster={{"name": "shop"}}\'\n'),
    "what an earlier command set": ("install.sh", f"{INSTALL} --reuse-values\n"),
    "a variable of Task": (
        "Taskfile.yaml",
        f'version: "3"\ntasks:\n  cni:\n    cmds:\n      - {INSTALL} --set cluster.name={{{{.NAME}}}}\n',
    ),
    "a secret of GitHub": (".github/workflows/a.yaml", STEP[:-1] + " --set cluster.name=${{ vars.NAME }}\n"),
    "a variable of GitLab": (".gitlab-ci.yml", JOB[:-1] + " --set cluster.name=$CI_ENVIRONMENT_NAME\n"),
    "the old option": ("install.sh", f"{INSTALL} --cluster-name $NAME\n"),
    "a template of Ansible": ("t.yml", TASK[:-1] + " --set cluster.name={{ name }}\n"),
    "values of a module": ("t.yml", FORMS["a module of Ansible"][1] + '      cluster: {name: "{{ name }}"}\n'),
    "files of a module": ("t.yml", FORMS["a module of Ansible"][1] + "    values_files: [cilium.yaml]\n"),
    "only a branch": ("install.sh", f'if [ "$ENV" = test ]; then\n  {INSTALL}\nfi\n'),
    "two branches": ("install.sh", f'if [ -n "$A" ]; then\n  {INSTALL}\nelse\n  {INSTALL.replace("77", "78")}\nfi\n'),
    "a case": ("install.sh", f'case "$1" in\n  shop)\n    {INSTALL} ;;\nesac\n'),
    "a test before it": ("install.sh", f'[[ "$CNI" == cilium ]] && {INSTALL}\n'),
    "a test on the line above": ("install.sh", f'[ "$CNI" = cilium ] && \\\n  {INSTALL}\n'),
    "Make's own": ("Makefile", f"ifeq ($(CNI),cilium)\ncni:\n\t{INSTALL}\nendif\n"),
    "PowerShell": ("install.ps1", f"if ($Env -eq 'test') {{\n  {INSTALL}\n}}\n"),
    "when": ("t.yml", TASK + "  when: cni == 'cilium'\n"),
    "when, of a module": ("t.yml", FORMS["a module of Ansible"][1] + "  when: cni == 'cilium'\n"),
    "when, of several": ("t.yml", TASK + "  when:\n    - env == 'test'\n    - inventory_hostname == groups['cp'][0]\n"),
    "a name in a pipeline": (".github/workflows/a.yaml", STEP[:-1] + " --set cluster.name=shop\n"),
    "rules": (".gitlab-ci.yml", JOB + '  rules:\n    - if: $ENV == "test"\n'),
    "if of a job": (
        ".github/workflows/a.yaml",
        STEP.replace("    runs-on", "    if: inputs.cni == 'cilium'\n    runs-on"),
    ),
    "if in a step": (
        ".github/workflows/a.yaml",
        STEP.replace("run: ", "run: |\n          if [ $A = b ]; then\n            ") + "          fi\n",
    ),
}


@pytest.mark.parametrize(("path", "text"), NAMELESS.values(), ids=NAMELESS)
def test_a_name_that_the_tree_does_not_tell_is_not_default(path: str, text: str) -> None:
    assert inventory({path: text}).clusters == ()
    kubeadm = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nnetworking: {podSubnet: 10.9.0.0/16}\n"
    assert "default" not in [each.name for each in inventory({path: text, "kubeadm.yaml": kubeadm}).clusters]


#: What runs whatever holds, or asks only whether Cilium is there.
PLAIN = {
    "nothing before it": ("install.sh", f"{INSTALL}\n"),
    "other variables": ("install.sh", f'{INSTALL} --set k8sServiceHost=$HOST --context "$CONTEXT" --wait\n'),
    "a block that is closed": ("install.sh", f'if [ -z "$A" ]; then\n  exit 1\nfi\n{INSTALL}\n'),
    "a failure that is reported": ("install.sh", f"if ! {INSTALL}; then\n  exit 1\nfi\n"),
    "a repository first": ("install.sh", f"helm repo add cilium https://helm.cilium.io && {INSTALL}\n"),
    "unless it is there": ("install.sh", f"if ! cilium status; then\n  {INSTALL}\nfi\n"),
    "unless helm has it": ("install.sh", f"helm status cilium -n kube-system || {INSTALL}\n"),
    "when it is not there": ("t.yml", TASK + "  when: cilium_status.rc != 0\n"),
    "on one host": ("t.yml", TASK + "  when: inventory_hostname == groups['cp'][0]\n"),
    "on the default branch": (".gitlab-ci.yml", JOB + "  rules:\n    - if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH\n"),
    "beside a job with rules": (".gitlab-ci.yml", "a:\n  script: [x]\n  rules: [{if: $A}]\n" + JOB),
    "both branches alike, and alone": ("install.sh", f"if [ $A ]; then\n  {INSTALL}\nfi\n{INSTALL}\n"),
}


@pytest.mark.parametrize(("path", "text"), PLAIN.values(), ids=PLAIN)
def test_a_command_that_runs_whatever_holds_is_followed(path: str, text: str) -> None:
    [found] = inventory({path: text}).clusters
    assert (found.name, found.pod_cidrs, str(found.version)) == ("default", ("10.77.0.0/16",), "1.18.2")


def test_a_name_in_plain_words_is_known_beside_a_variable() -> None:
    found = cluster({"install.sh": f'{INSTALL} --set cluster.name=shop,k8sServiceHost=$HOST "$@"\n'})
    assert found is not None and (found.name, found.pod_cidrs) == ("shop", ("10.77.0.0/16",))


def test_a_variable_hides_what_a_values_file_says() -> None:
    command = f"helm upgrade cilium cilium/cilium -f cni/values.yaml --set {POOL}=$PODS\n"
    found = cluster({"install.sh": command, "cni/values.yaml": VALUES})
    assert found is not None and (found.pod_cidrs, found.kube_proxy_replacement) == (None, True)
