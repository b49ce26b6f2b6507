"""Programs with a client of Kubernetes, in any of the common languages, make pods, policies and labels too."""

from __future__ import annotations

from pathlib import Path

import pytest

from rewriter.finding import Severity
from rewriter.inventory.files.labelling import labels_namespaces
from rewriter.inventory.texts.policies_in_text import policies_in
from tests.closed_world.hiding import BASE
from tests.closed_world.manifests import Files, found
from tests.closed_world.test_unread_policies import TREE

_POM: Files = {"app/pom.xml": "<groupId>io.fabric8</groupId><artifactId>kubernetes-client</artifactId>\n"}
_GRADLE: Files = {
    "app/build.gradle.kts": "dependencies { implementation(libs.client) }\n",
    "app/gradle/libs.versions.toml": '[libraries]\nclient = "io.kubernetes:client-java:21.0.0"\n',
}
_NODE: Files = {"app/package.json": '{"dependencies": {"@kubernetes/client-node": "1.0.0"}}\n'}
_PEPR: Files = {"app/package.json": '{"dependencies": {"pepr": "0.40.0"}}\n'}
_DOTNET: Files = {"app/App.csproj": '<PackageReference Include="KubernetesClient" Version="15.0.1" />\n'}
_RUST: Files = {"app/Cargo.toml": '[dependencies]\nkube = "0.95"\n'}
_GO: Files = {"app/go.mod": "module a\n\nrequire k8s.io/client-go v0.31.0\n"}
_JAVA = "app/src/main/java/a/Main.java"

_PODS: dict[str, tuple[Files, str]] = {
    "builder of fabric8": (
        {**_POM, _JAVA: 'class Main {\n  Deployment d = new DeploymentBuilder().withNewMetadata().withName("s");\n'},
        f"a program in Java, {_JAVA}:2",
    ),
    "edit of fabric8": (
        {**_POM, _JAVA: "client.pods().inNamespace(ns)\n    .withName(n).edit(p -> labelled(p));\n"},
        "a program in Java",
    ),
    "builder in Kotlin": (
        {**_GRADLE, "app/core/Main.kt": "fun pod() = V1Pod().metadata(meta)\n"},
        "a program in Kotlin, app/core/Main.kt:1",
    ),
    "call of the official client for Java": (
        {**_GRADLE, _JAVA: "api.createNamespacedStatefulSet(ns, body).execute();\n"},
        "a program in Java",
    ),
    "kind as text": ({**_POM, _JAVA: 'resource.setKind("Deployment");\n'}, "a program in Java"),
    "client of TypeScript": (
        {**_NODE, "app/a.ts": "await api.createNamespacedPod({ namespace, body });\n"},
        "TypeScript",
    ),
    "object in JavaScript": ({**_NODE, "app/a.mjs": "const pod = { apiVersion: 'v1', kind: 'Pod' };\n"}, "JavaScript"),
    "mutation of Pepr": (
        {**_PEPR, "app/a.ts": "When(a.Pod)\n  .IsCreated()\n  .Mutate(r => r.SetLabel('app', 'scraper'));\n"},
        "a program in TypeScript, app/a.ts:1",
    ),
    "client of C#": (
        {**_DOTNET, "app/A.cs": "await client.AppsV1.CreateNamespacedDeploymentAsync(body, ns);\n"},
        "a program in C#",
    ),
    "client of Rust": ({**_RUST, "app/src/main.rs": "let p = Pod {\n    metadata: meta(),\n};\n"}, "a program in Rust"),
    "client of a kind in Go": (
        {**_GO, "app/a.go": "package a\n\n\t_, err := c.CoreV1().Pods(ns).Update(ctx, pod, o)\n"},
        "a program in Go, app/a.go:3",
    ),
    "untyped object in Go": ({**_GO, "app/a.go": 'package a\n\nvar o = m{"kind": "Deployment"}\n'}, "a program in Go"),
    "types of Python": (
        {"a.py": "from kubernetes import client\napi.create_namespaced_pod('shop', client.V1Pod(m))\n"},
        "a program in Python",
    ),
    "lightkube": ({"a.py": "from lightkube import Client\nClient().create(Pod(metadata=m))\n"}, "a program in Python"),
    "kubeclient of Ruby": ({"a.rb": "client.create_pod Kubeclient::Resource.new(pod)\n"}, "a program in Ruby"),
}
_NO_PODS: dict[str, Files] = {
    "Java without a client": {
        "app/pom.xml": "<groupId>org.springframework</groupId>\n",
        _JAVA: "new DeploymentBuilder();\n",
    },
    "Java that looks": {**_POM, _JAVA: "var all = client.pods().inNamespace(ns).withLabel(l).list();\n"},
    "Java that deletes": {**_POM, _JAVA: "client.pods().inNamespace(ns).withName(n).delete();\n"},
    "tests in Java": {**_POM, "app/src/test/java/A.java": "new PodBuilder();\n", "app/a/ATest.java": "new V1Pod();\n"},
    "remark in Java": {**_POM, _JAVA: "  // new PodBuilder()\n"},
    "TypeScript of a page": {"web/package.json": '{"name": "x"}\n', "web/a.ts": "new V1Pod();\n"},
    "tests in TypeScript": {**_NODE, "app/a.spec.ts": "new V1Pod();\n", "app/__tests__/a.ts": "new V1Pod();\n"},
    "validation of Pepr": {**_PEPR, "app/a.ts": "When(a.Pod).IsCreated().Validate(r => r.Approve());\n"},
    "Rust that watches": {**_RUST, "app/src/main.rs": "let api: Api<Pod> = Api::all(client);\n"},
    "Go that lists": {**_GO, "app/a.go": "package a\n\nvar l = c.CoreV1().Pods(ns).List(ctx, o)\n"},
    "account of a service in Python": {
        "a.py": "from kubernetes import client\napi.create_namespaced_service_account('shop', body)\n"
    },
}

_POLICIES: dict[str, Files] = {
    "policies of Cilium in Java": {
        **_GRADLE,
        _JAVA: 'api.createNamespacedCustomObject("cilium.io", "v2", ns, "ciliumnetworkpolicies", body);\n',
    },
    "kind in Kotlin": {**_POM, "app/A.kt": 'withKind("CiliumClusterwideNetworkPolicy")\n'},
    "client of TypeScript": {
        **_NODE,
        "app/a.ts": "import * as k8s from '@kubernetes/client-node';\nconst p = { kind: 'CiliumNetworkPolicy' };\n",
    },
    "client of a kind in Go": {
        **_GO,
        "app/a.go": "package a\n\nvar p = c.CiliumV2().CiliumNetworkPolicies(ns).Create(ctx, p, o)\n",
    },
    "dynamic client of Go": {
        **_GO,
        "app/a.go": 'package a\n\nvar r = s.R{Resource: "ciliumnetworkpolicies"}\nc.Resource(r).Update(ctx, p, o)\n',
    },
    "C#": {
        **_DOTNET,
        "app/A.cs": 'await c.PatchNamespacedCustomObjectAsync(b, g, v, ns, "ciliumnetworkpolicies", n);\n',
    },
}
_NO_POLICIES: dict[str, Files] = {
    "Java that looks": {
        **_POM,
        _JAVA: 'api.listNamespacedCustomObject("cilium.io", "v2", ns, "ciliumnetworkpolicies");\n',
    },
    "address in a program with a client": {
        **_NODE,
        "app/a.ts": "import * as k8s from '@kubernetes/client-node';\nfetch('https://e.com/policies');\n",
    },
    "address in Java": {**_POM, _JAVA: 'get("https://example.com/network-policies");\n'},
    "tests in Go": {**_GO, "app/a_test.go": "package a\n\nvar p = v2.CiliumNetworkPolicy{Spec: s}\n"},
}


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", _PODS)
def test_a_program_that_makes_or_changes_pods_hides_them(name: str, tmp_path: Path) -> None:
    files, words = _PODS[name]
    findings = found(tmp_path, {**BASE, **files}, "missing-namespace")
    assert [(each.applicability, each.fixed) for each in findings] == [("unsafe", False)]
    assert words in findings[0].advice


@pytest.mark.parametrize("name", _NO_PODS)
def test_a_program_that_makes_none_hides_nothing(name: str, tmp_path: Path) -> None:
    findings = found(tmp_path, {**BASE, **_NO_PODS[name]}, "missing-namespace")
    assert [(each.applicability, each.fixed) for each in findings] == [("evident", True)]


@pytest.mark.parametrize("name", _POLICIES)
def test_no_policy_counts_as_absent_beside_a_program_that_makes_some(name: str, tmp_path: Path) -> None:
    findings = found(tmp_path, {**TREE, **_POLICIES[name]}, "fqdn-without-dns")
    assert not any(finding.severity is Severity.ERROR or finding.fixed for finding in findings)


def test_a_network_policy_is_none_of_cilium() -> None:
    for call in (
        b"new NetworkPolicyBuilder();",
        b"client.networkPolicies().resource(p).create();",
        b"V1NetworkPolicy()",
    ):
        assert [kind for kind, _, _ in policies_in("A.java", call)] == ["NetworkPolicy"]


@pytest.mark.parametrize(
    "text",
    [
        b'client.namespaces().withName("x").edit(n -> new NamespaceBuilder(n).editMetadata().addToLabels(k, v))',
        b"await api.patchNamespace({ name, body: { metadata: { labels } } })",
        b"c.CoreV1().Namespaces().Patch(ctx, name, t, labels, o)",
    ],
)
def test_labels_of_namespaces_that_a_client_gives_count(text: bytes) -> None:
    assert labels_namespaces(text)
    assert not labels_namespaces(text.replace(b"atch", b"rite").replace(b"edit", b"list").replace(b"Builder", b""))


@pytest.mark.parametrize("name", _NO_POLICIES)
def test_a_program_that_makes_no_policy_changes_nothing(name: str, tmp_path: Path) -> None:
    (finding,) = found(tmp_path, {**TREE, **_NO_POLICIES[name]}, "fqdn-without-dns")
    assert finding.severity is Severity.ERROR
