"""A policy that is known to be somewhere and is not read may say anything: no finding claims that none does."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from rewriter.finding import Severity
from tests.closed_world.manifests import Files, deployment, found, kyverno, resource
from tests.closed_world.scripts import packaged

_NAMES = """apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  endpointSelector: {matchLabels: {app: web}}
  egress:
  - toFQDNs: [{matchName: api.example.com}]
"""
_DNS = """apiVersion: v1
kind: Service
metadata: {name: kube-dns, namespace: kube-system, labels: {k8s-app: kube-dns}}
spec:
  selector: {k8s-app: kube-dns}
  ports: [{name: dns, port: 53, protocol: UDP}]
"""
_ALLOW = """apiVersion: cilium.io/v2
kind: CiliumClusterwideNetworkPolicy
metadata: {name: dns}
spec:
  endpointSelector: {}
  egress:
  - toEndpoints: [{matchLabels: {k8s:io.kubernetes.pod.namespace: kube-system, k8s-app: kube-dns}}]
    toPorts: [{ports: [{port: "53", protocol: ANY}], rules: {dns: [{matchPattern: "*"}]}}]
"""
TREE: Files = {
    "policy.yaml": _NAMES,
    "web.yaml": deployment("web", "shop"),
    "dns.yaml": _DNS,
    "coredns.yaml": deployment("coredns", "kube-system").replace("app: coredns", "k8s-app: kube-dns"),
}
_LISTED = "resources: [policy.yaml, web.yaml, dns.yaml, coredns.yaml"
_MADE = _ALLOW.replace("name: dns", "name: {{ .Release.Name }}")
_DESTINATION = {"server": "https://kubernetes.default.svc", "namespace": "shop"}


def _release(chart: str, values: str, *, name: str = "x", namespace: str = "shop") -> Files:
    return {
        "release.yaml": "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\n"
        f"metadata: {{name: {name}, namespace: {namespace}}}\nspec:\n"
        f"  chart: {{spec: {{chart: {chart}, version: 1.0.0, sourceRef: {{kind: HelmRepository, name: r}}}}}}\n"
        f"  values: {values}\n"
    }


def _application(name: str, **source: str) -> Files:
    spec = {"project": "x", "destination": _DESTINATION, "source": source}
    return {"app.yaml": resource("argoproj.io/v1alpha1", "Application", spec, name=name, namespace="argocd")}


def _generates(more: dict[str, object]) -> Files:
    return {
        "generate.yaml": kyverno({"generate": {"apiVersion": "cilium.io/v2", "name": "dns", **more}}, ["Namespace"])
    }


def _indented(text: str, by: int) -> str:
    return "".join(" " * by + line + "\n" for line in text.splitlines())


def _workflow(before: str = "") -> Files:
    command = _indented(f"kubectl apply -f - <<E\n{_ALLOW}E\n", 8)
    return {".github/workflows/d.yaml": f"on: push\njobs:\n  a:\n    steps:\n{before}    - run: |\n{command}"}


_CDK8S: Files = {"cdk8s.yaml": "language: x\napp: run main\n"}
_PULUMI: Files = {"Pulumi.yaml": "name: x\nruntime: nodejs\n"}
_SOURCES: dict[str, Files] = {
    "release of a chart of policies": _release("cilium-policies", "{}"),
    "release that is called by its policies": _release("raw", "{}", name="network-policies", namespace="flux-system"),
    "values that switch on policies": _release("redis", "{ciliumNetworkPolicy: {enabled: true}}"),
    "values deep down": _release("redis", "{server: {cilium-network-policies: [{a: b}]}}"),
    "values with a flavour": _release("loki", "{networkPolicy: {enabled: true, flavor: cilium}}"),
    "values of clusterwide policies": _release("x", "{ciliumClusterwideNetworkPolicy: {create: true}}", namespace="a"),
    "chart of Argo CD": _application("x", repoURL="https://charts.example.com", chart="netpol", targetRevision="1"),
    "folder of Argo CD": _application("network-policies", repoURL="https://git.example.com/x.git", path="apps"),
    "chart of Kustomize": {
        "k/kustomization.yaml": "helmCharts:\n- {name: network-policies, repo: 'https://e.com', releaseName: x}\n"
    },
    "chart of Helmfile": {"helmfile.yaml": "releases:\n- {name: x, chart: a/network-policies, namespace: shop}\n"},
    "packaged chart": {"charts/p-1.0.0.tgz": packaged("p", _MADE)},
    "chart of the tree": {"charts/p/Chart.yaml": "name: p\nversion: 1.0.0\n", "charts/p/templates/a.yaml": _MADE},
    "compressed": {"p.yaml.gz": gzip.compress(_ALLOW.encode())},
    "UTF-16 that does not parse": {"p.yaml": f"{_ALLOW}  x: [".encode("utf-16")},
    "a list of a text that cannot be read": {"netpol/p.yaml.gz": b"\x1f\x8bnothing"},
    "duplicate key": {"p.yaml": _ALLOW.replace("spec:", "spec:\n  endpointSelector: {}", 1)},
    "sops": {
        "p.yaml": f"{_ALLOW}sops: {{mac: x}}\n".replace("{}", "{matchLabels: {app: 'ENC[AES256_GCM,data:x,type:str]'}}")
    },
    "script": {"deploy.sh": f"kubectl apply -f - <<E\n{_ALLOW}E\n"},
    "pipeline": _workflow(),
    "second of two URLs": {
        "deploy.sh": "kubectl apply -f https://example.com/a.yaml -f https://example.com/network-policies.yaml\n"
    },
    "URL": {"deploy.sh": "kubectl apply -f https://example.com/network-policies.yaml\n"},
    "chart of a command": {"Makefile": "deploy:\n\thelm upgrade --install x a/cilium-network-policies\n"},
    "policies that a command switches on": {
        "Makefile": "deploy:\n\thelm upgrade --install x a/b \\\n\t  --set policies.create=true\n"
    },
    "Jsonnet": {"p.jsonnet": '{apiVersion: "cilium.io/v2", kind: "CiliumNetworkPolicy"}\n'},
    "template": {"p.yaml.j2": _ALLOW.replace("name: dns", "name: {{ x }}")},
    "Terraform": {"p.tf": f'resource "kubectl_manifest" "p" {{\n  yaml_body = <<E\n{_ALLOW}E\n}}\n'},
    "manifest of Terraform": {
        "p.tf": 'resource "kubernetes_manifest" "p" {\n  manifest = { kind = "CiliumNetworkPolicy" }\n}\n'
    },
    "text in a ConfigMap": {"c.yaml": f"apiVersion: v1\nkind: ConfigMap\ndata:\n  a: |\n{_indented(_ALLOW, 4)}"},
    "URL in a pipe": {"d.sh": "curl -sL https://example.com/network-policies.yaml | kubectl apply -f -\n"},
    "kustomization in a pipe": {"d.sh": "kustomize build github.com/acme/policies \\\n  | kubectl apply -f -\n"},
    "Application by a command": {"d.sh": "argocd app create cluster-policies --repo https://git.example.com/x\n"},
    "cdk8s in TypeScript": {**_CDK8S, "main.ts": "new CiliumClusterwideNetworkPolicy(this, 'dns', {});\n"},
    "cdk8s in Python": {
        **_CDK8S,
        "app/main.py": "from imports import cilium\ncilium.CiliumNetworkPolicy(chart, 'dns')\n",
    },
    "cdk8s in Go": {**_CDK8S, "main.go": 'imports.NewCiliumNetworkPolicy(chart, jsii.String("dns"), nil)\n'},
    "program in Go": {
        "go.mod": "module a\n\nrequire sigs.k8s.io/controller-runtime v0.18.0\n",
        "internal/dns.go": "package a\n\nvar p = ciliumv2.CiliumClusterwideNetworkPolicy{\n\tObjectMeta: m,\n}\n",
    },
    "URL of cdk8s": {**_CDK8S, "main.ts": "new Include(this, 'x', {url: 'https://e.com/network-policies.yaml'});\n"},
    "Pulumi in TypeScript": {
        **_PULUMI,
        "index.ts": "new k8s.apiextensions.CustomResource('x', {\n  kind: 'CiliumNetworkPolicy',\n});\n",
    },
    "chart of Pulumi": {**_PULUMI, "src/index.ts": "new k8s.helm.v3.Chart('x', {chart: 'cilium-policies'});\n"},
    "Pulumi in YAML": {
        "Pulumi.yaml": "name: x\nruntime: yaml\nresources: {p: {type: kubernetes:cilium.io/v2:CiliumNetworkPolicy}}\n"
    },
    "list of Python": {
        "deploy.py": "import subprocess\nsubprocess.run(\n    [\n        'kubectl', 'apply',\n"
        "        '-f', 'https://example.com/network-policies.yaml',\n    ],\n    check=True,\n)\n"
    },
    "text of Python": {"deploy.py": f'import os\nos.system("""kubectl apply -f - <<E\n{_ALLOW}E\n""")\n'},
    "input of Python": {
        "deploy.py": "P = {'kind': 'CiliumNetworkPolicy'}\nrun(['kubectl', 'apply', '-f', '-'], input=dumps(P))\n"
    },
    "chart of Python": {"deploy.py": 'call(["helm", "upgrade", "--install", "x", f"{repo}/network-policies"])\n'},
    "client of Python": {
        "deploy.py": "from kubernetes import client\nclient.CustomObjectsApi().create_namespaced_custom_object(\n"
        "    'cilium.io', 'v2', 'shop', 'ciliumnetworkpolicies', body)\n"
    },
    "generator of an unknown kind": {
        "kustomization.yaml": f"{_LISTED}]\ngenerators: [gen.yaml]\n",
        "gen.yaml": "apiVersion: acme.example/v1\nkind: Defaults\nmetadata: {name: x}\n",
    },
    "generator as text": {
        "kustomization.yaml": f"{_LISTED}]\ngenerators:\n- |-\n  apiVersion: acme.example/v1\n  kind: Defaults\n"
    },
    "generator of another repository": {
        "kustomization.yaml": f"{_LISTED}]\ngenerators: ['https://github.com/acme/defaults?ref=v1']\n"
    },
    "transformer of an unknown kind": {
        "kustomization.yaml": f"{_LISTED}]\ntransformers: [gen.yaml]\n",
        "gen.yaml": "apiVersion: acme.example/v1\nkind: Defaults\nmetadata: {name: x}\n",
    },
    "Kyverno, several": _generates(
        {"cloneList": {"namespace": "default", "kinds": ["cilium.io/v2/CiliumNetworkPolicy"]}}
    ),
    "Kyverno": _generates({"kind": "CiliumNetworkPolicy", "clone": {"name": "dns", "namespace": "default"}}),
    "excluded": {"cnpfix.toml": 'exclude = ["x/**"]\n', "x/dns.yaml": _ALLOW},
    "remote": {"kustomization.yaml": f"{_LISTED}, 'https://github.com/acme/platform//policies?ref=v1']\n"},
    "not there": {"kustomization.yaml": f"{_LISTED}, base/networkpolicies.yaml]\n"},
    "another repository": {
        "flux.yaml": "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\n"
        "metadata: {name: cluster-policies, namespace: flux-system}\n"
        "spec: {url: 'https://git.example.com/cluster-policies'}\n---\n"
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n"
        "metadata: {name: rules, namespace: flux-system}\n"
        "spec: {path: ./all, sourceRef: {kind: GitRepository, name: cluster-policies}}\n"
    },
}


def test_names_without_dns_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (finding,) = found(tmp_path, TREE, "fqdn-without-dns")
    assert finding.severity is Severity.ERROR


#: What says nothing of policies, or of none that may hold DNS rules for pods of this namespace.
_NO_POLICIES: dict[str, Files] = {
    "tier that no agent reads": {
        "t.yaml": "{{ if x }}\napiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\n{{ end }}\n"
    },
    "policies that a command switches off": {
        "Makefile": "deploy:\n\thelm upgrade --install x a/b -n x \\\n\t  --set policies.create=false\n"
    },
    "chart": _release("redis", "{}"),
    "values that switch them off": _release("redis", "{ciliumNetworkPolicy: {enabled: false}}"),
    "empty values": _release("redis", "{ciliumNetworkPolicies: [], ciliumNetworkPolicy: {}, netpol: 'false'}"),
    "policies of another namespace": _release("redis", "{ciliumNetworkPolicy: {enabled: true}}", namespace="games"),
    "NetworkPolicies, which know no names": _release("redis", "{networkPolicy: {enabled: true}}"),
    "policies of another engine": _release("kyverno-policies", "{}"),
    "DNS policy of pods": _release("redis", "{dnsPolicy: ClusterFirst, policyTypes: [Egress]}"),
    "pipeline with a cluster of its own": _workflow("    - uses: helm/kind-action@v1\n"),
    "cdk8s of something else": {**_CDK8S, "main.ts": "new KubeDeployment(this, 'x', {dnsPolicy: 'Default'});\n"},
    "remark of cdk8s": {**_CDK8S, "main.ts": "// new CiliumNetworkPolicy(this, 'x')\n"},
    "TypeScript of no project": {"app/main.ts": "new CiliumNetworkPolicy(this, 'dns', {});\n"},
    "Pulumi without Kubernetes": {**_PULUMI, "index.ts": "new aws.iam.Policy('policies', {url: 'https://e.com/x'});\n"},
    "Python that applies a file of the tree": {"deploy.py": "run(['kubectl', 'apply', '-f', 'policies/dns.yaml'])\n"},
    "Python that asks": {
        "ask.py": "run(['kubectl', 'get', 'ciliumnetworkpolicies'])\nK = {'kind': 'CiliumNetworkPolicy'}\n"
    },
    "Python that applies nothing": {"lint.py": "K = {'kind': 'CiliumNetworkPolicy'}\n"},
    "tests in Python": {
        "tests/test_a.py": "K = {'kind': 'CiliumNetworkPolicy'}\nrun(['kubectl', 'apply', '-f', '-'])\n"
    },
    "generator of Secrets": {
        "kustomization.yaml": f"{_LISTED}]\ngenerators: [gen.yaml]\n",
        "gen.yaml": "apiVersion: viaduct.ai/v1\nkind: ksops\nmetadata: {name: x}\nfiles: [a.enc.yaml]\n",
    },
    "generator of ConfigMaps": {
        "kustomization.yaml": f"{_LISTED}]\ngenerators: [gen.yaml]\n",
        "gen.yaml": "apiVersion: builtin\nkind: ConfigMapGenerator\nmetadata: {name: x}\nliterals: [a=b]\n",
    },
    "pipe of something else": {"d.sh": "curl https://example.com/a.yaml | kubectl apply -f -\n"},
    "remark": {"deploy.sh": "# kubectl apply -f https://example.com/network-policies.yaml\n"},
    "remark below a line": {
        "deploy.sh": "a=b\n  # kubectl apply -f https://example.com/network-policies.yaml\n"
        "# curl https://example.com/network-policies.yaml | kubectl apply -f -\n"
    },
    "remark of a manifest": {"p.jsonnet": '// kind: "CiliumNetworkPolicy"\n{}\n'},
    "NetworkPolicy of Terraform": {"p.tf": 'resource "kubernetes_network_policy_v1" "p" {\n}\n'},
}


@pytest.mark.parametrize("source", _NO_POLICIES)
def test_what_says_nothing_of_policies_hides_none(source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (finding,) = found(tmp_path, {**TREE, **_NO_POLICIES[source]}, "fqdn-without-dns")
    assert finding.severity is Severity.ERROR


@pytest.mark.parametrize("source", _SOURCES)
def test_no_error_where_policies_are_not_read(source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    findings = found(tmp_path, {**TREE, **_SOURCES[source]}, "fqdn-without-dns")
    assert not any(finding.severity is Severity.ERROR or finding.fixed for finding in findings)
