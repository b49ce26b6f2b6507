"""`--live`: policies that are in a cluster only, through kubectl. The cluster is a script in the place of kubectl."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.support import Ran, cnpfix

FAKE = """#!{python}
import json, pathlib, sys
state = json.loads(pathlib.Path({state!r}).read_text())
arguments = sys.argv[1:]
with open({log!r}, "a") as log:
    log.write(json.dumps(arguments) + "\\n")
if arguments == ["config", "current-context"]:
    if not state["current"]:
        sys.exit("error: current-context is not set")
    print(state["current"])
    sys.exit()
assert arguments[0] == "--context" and arguments[2:4] == ["get", "--raw"], arguments
cluster = state["clusters"].get(arguments[1])
if cluster is None:
    sys.exit('error: context "%s" does not exist' % arguments[1])
path = arguments[4].split("?")[0]
answer = cluster.get(path)
if answer is None:
    sys.exit("Error from server (NotFound): the server could not find the requested resource")
if isinstance(answer, str):
    sys.exit("Error from server (%s): no" % answer)
print(json.dumps(answer))
"""
EMPTY: dict[str, Any] = {"metadata": {}, "items": []}
CONFIG = "/api/v1/namespaces/kube-system/configmaps/cilium-config"
CNP = "/apis/cilium.io/v2/ciliumnetworkpolicies"
PATHS = (
    "/api/v1/namespaces",
    "/api/v1/nodes",
    "/api/v1/pods",
    "/api/v1/services",
    "/apis/discovery.k8s.io/v1/endpointslices",
    "/apis/networking.k8s.io/v1/networkpolicies",
    CNP,
)


def policy(name: str = "api", **metadata: Any) -> dict[str, Any]:
    """A policy that 1.19 rejects, as the API server gives it."""
    return {
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": "0",
            "resourceVersion": "12",
            "managedFields": [{"manager": "kubectl-client-side-apply", "time": "2026-01-01T00:00:00Z"}],
            **metadata,
        },
        "spec": {
            "endpointSelector": {"matchLabels": {"app": name}},
            "ingress": [
                {
                    "fromRequires": [{"matchLabels": {"team": "a"}}],
                    "fromEndpoints": [{"matchLabels": {"app": "web"}}],
                }
            ],
        },
        "status": {"conditions": []},
    }


def cluster(*policies: dict[str, Any], name: str = "alpha") -> dict[str, Any]:
    config = {"metadata": {"name": "cilium-config"}, "data": {"cluster-name": name, "cluster-id": "1"}}
    return dict.fromkeys(PATHS, EMPTY) | {CNP: {"metadata": {}, "items": list(policies)}, CONFIG: config}


class Kubectl:
    """What the script answers, and what it was asked."""

    def __init__(self, folder: Path) -> None:
        self.state, self.log = folder / "state.json", folder / "log"
        script = folder / "bin" / "kubectl"
        script.parent.mkdir()
        script.write_text(FAKE.format(python=sys.executable, state=str(self.state), log=str(self.log)))
        script.chmod(0o755)

    def hold(self, clusters: dict[str, Any], current: str = "") -> None:
        self.state.write_text(json.dumps({"clusters": clusters, "current": current}))

    @property
    def asked(self) -> list[list[str]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]


@pytest.fixture
def kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kubectl:
    made = Kubectl(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return made


def live(*arguments: str) -> Ran:
    return cnpfix("--live", *arguments)


def test_the_policies_of_the_current_context_are_judged(kubectl: Kubectl) -> None:
    kubectl.hold({"prod": cluster(policy())}, current="prod")
    ran = live()
    assert (ran.code, ran.err) == (0, ""), ran.err
    assert "CNP007 requires" in ran.out
    assert "prod/shop/ciliumnetworkpolicy-api.yaml:" in ran.out
    assert "managed by kubectl: change it there" in ran.out
    assert "-      fromRequires" in ran.out or "-    - fromRequires" in ran.out


def test_nothing_is_asked_of_kubectl_that_could_write(kubectl: Kubectl) -> None:
    kubectl.hold({"prod": cluster(policy())}, current="prod")
    live()
    assert all(call == ["config", "current-context"] or call[2:4] == ["get", "--raw"] for call in kubectl.asked)


def test_fixed_manifests_go_to_a_folder(kubectl: Kubectl, tmp_path: Path) -> None:
    kubectl.hold({"prod": cluster(policy())})
    ran = live("--context", "prod", "--output", str(tmp_path / "fixed"))
    assert ran.code == 0, ran.err
    assert "1 fixed manifest; nothing is written to a cluster" in ran.out
    fixed = yaml.safe_load((tmp_path / "fixed" / "prod" / "shop" / "ciliumnetworkpolicy-api.yaml").read_text())
    assert fixed["metadata"] == {"name": "api", "namespace": "shop"}
    assert "status" not in fixed
    assert "fromRequires" not in json.dumps(fixed)


def test_a_check_fails_for_what_it_would_fix(kubectl: Kubectl) -> None:
    kubectl.hold({"prod": cluster(policy())})
    ran = live("--context", "prod", "--check")
    assert ran.code == 1
    assert "prod/shop/ciliumnetworkpolicy-api.yaml" in ran.out
    kubectl.hold({"prod": cluster()})
    assert live("--context", "prod", "--check", "--allow-empty").code == 0


def test_several_contexts_are_several_clusters(kubectl: Kubectl) -> None:
    kubectl.hold({"a": cluster(policy("one"), name="alpha"), "b": cluster(policy("two"), name="beta")})
    ran = live("--context", "a", "--context", "b", "--format", "concise")
    assert ran.code == 0, ran.err
    assert {line.split("/")[0] for line in ran.out.splitlines() if "CNP007" in line} == {"a", "b"}


@pytest.mark.parametrize(
    ("metadata", "manager"),
    [
        (
            {"annotations": {"argocd.argoproj.io/tracking-id": "shop:cilium.io/CNP:x/y"}},
            "Argo CD application shop",
        ),
        (
            {"labels": {"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux"}},
            "Flux Kustomization flux/apps",
        ),
        (
            {"annotations": {"meta.helm.sh/release-name": "web", "meta.helm.sh/release-namespace": "shop"}},
            "Helm release shop/web",
        ),
        ({"ownerReferences": [{"kind": "Tenant", "name": "blue"}]}, "Tenant blue"),
        ({"managedFields": []}, ""),
    ],
)
def test_each_policy_names_what_manages_it(kubectl: Kubectl, metadata: dict[str, Any], manager: str) -> None:
    kubectl.hold({"prod": cluster(policy(**metadata))}, current="prod")
    out = " ".join(live("-v").out.split())
    assert (f"managed by {manager}: change it there" in out) if manager else ("managed by" not in out)


def test_without_facts_the_policies_are_judged_all_the_same(kubectl: Kubectl) -> None:
    kubectl.hold({"prod": cluster(policy()) | {CONFIG: "Forbidden"}}, current="prod")
    ran = live()
    assert ran.code == 0
    assert "its policies are judged without facts" in ran.err
    assert "CNP007" in ran.out


@pytest.mark.parametrize(
    ("clusters", "arguments", "words"),
    [
        ({}, (), "the kubeconfig has no current context; give --context"),
        ({}, ("--context", "nowhere"), 'context "nowhere" does not exist'),
        ({"prod": cluster() | {CNP: "Forbidden"}}, ("--context", "prod"), "verb list on ciliumnetworkpolicies"),
        ({"prod": cluster() | {CNP: "Unauthorized"}}, ("--context", "prod"), "log in again"),
        ({"prod": cluster()}, ("--context", "prod", "--write"), "writes nothing to a cluster"),
        ({"prod": cluster()}, ("--context", "prod", "manifests/"), "--live takes no paths"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    kubectl: Kubectl, clusters: dict[str, Any], arguments: tuple[str, ...], words: str
) -> None:
    kubectl.hold(clusters)
    ran = live(*arguments)
    assert ran.code == 2
    assert words in ran.err and len(ran.err.splitlines()) == 1
    assert "Traceback" not in ran.err


def test_a_cluster_without_cilium_policies_says_so(kubectl: Kubectl) -> None:
    kubectl.hold({"prod": {path: each for path, each in cluster().items() if path != CNP}}, current="prod")
    ran = live()
    assert ran.code == 0
    assert "no policies found" in ran.out
