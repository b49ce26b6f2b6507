"""Scripts, pipelines and configurations of machines that put pods into `shop`, and those that put none there."""

from __future__ import annotations

import gzip
import io
import tarfile

from tests.closed_world.manifests import Files, deployment

_SCRAPER = deployment("scraper", "shop")
_HELM = "helm upgrade --install redis x/redis -n shop"
_CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n"


def _indented(text: str, by: int) -> str:
    return "".join(" " * by + line + "\n" for line in text.splitlines())


def packaged(name: str, template: str, more: str = "") -> bytes:
    """A chart as `helm package` makes it."""
    stream = io.BytesIO()
    files = {f"{name}/Chart.yaml": f"apiVersion: v2\nname: {name}\nversion: 1.0.0\n{more}"}
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for path, text in {**files, f"{name}/templates/a.yaml": template}.items():
            member = tarfile.TarInfo(path)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return stream.getvalue()


def _workflow(command: str, before: str = "") -> Files:
    steps = f"    - run: |\n        {command}\n"
    return {".github/workflows/d.yaml": f"on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n{before}{steps}"}


def _talos(member: str) -> Files:
    return {"talos/controlplane.yaml": f"version: v1alpha1\nmachine: {{}}\ncluster:\n{member}"}


def _inline(manifest: str) -> Files:
    return _talos(f"  inlineManifests:\n  - name: s\n    contents: |\n{_indented(manifest, 6)}")


_SIDE = deployment("side", "shop", {"app": "{{ side }}"})

HIDING: dict[str, tuple[Files, str]] = {
    "labels of pods": ({"d.sh": "kubectl -n shop label pods --all app=scraper\n"}, "`kubectl label` in d.sh:1"),
    "labels of a template": (
        {"d.sh": 'kubectl patch deploy/web -n shop -p \'{"spec":{"template":{"metadata":{"labels":{"app":"x"}}}}}\'\n'},
        "`kubectl patch` in d.sh:1",
    ),
    "batch file": ({"d.cmd": "helm upgrade --install a b/c --namespace shop\r\n"}, "d.cmd:1"),
    "Rakefile": ({"Rakefile": 'task :d do\n  sh "helm upgrade --install a b/c -n shop"\nend\n'}, "Rakefile:2"),
    "task of Azure": (
        {"azure-pipelines.yml": "steps:\n- task: HelmDeploy@0\n  inputs:\n    command: upgrade\n    chartName: b/c\n"},
        "`HelmDeploy` in azure-pipelines.yml:2",
    ),
    # packed files
    "packaged chart": ({"charts/s-1.0.0.tgz": packaged("s", deployment("scraper", None))}, "charts/s-1.0.0.tgz"),
    "packaged chart that is broken": ({"charts/s-1.0.0.tgz": b"\x1f\x8bnothing"}, "charts/s-1.0.0.tgz"),
    "compressed manifest": ({"shop/s.yaml.gz": gzip.compress(_SCRAPER.encode())}, "shop/s.yaml.gz is compressed"),
    "compressed manifest that is broken": ({"shop/s.yaml.gz": b"\x1f\x8bnothing"}, "shop/s.yaml.gz"),
    # pipelines
    "kubectl create in a workflow": (
        _workflow("kubectl create deployment scraper --image=x -n shop"),
        "`kubectl create deployment` in .github/workflows/d.yaml:7",
    ),
    "kubectl with the namespace first": (_workflow("kubectl -n shop run scraper --image=x"), "`kubectl run` in"),
    "helm in a workflow": (_workflow(_HELM), "`helm upgrade` in .github/workflows/d.yaml:7"),
    "manifest of a URL": (
        _workflow("kubectl apply -n shop -f https://example.com/m.yaml"),
        "`kubectl apply` in .github/workflows/d.yaml",
    ),
    "helm in GitLab": ({".gitlab-ci.yml": f"deploy:\n  script:\n  - {_HELM}\n"}, ".gitlab-ci.yml:3"),
    "manifest in GitLab": (
        {".gitlab-ci.yml": f"deploy:\n  script:\n  - |\n    kubectl apply -f - <<E\n{_indented(_SCRAPER, 4)}    E\n"},
        "manifests in .gitlab-ci.yml",
    ),
    "Jenkins": ({"Jenkinsfile": f'sh "{_HELM}"\n'}, "Jenkinsfile:1"),
    "Task": ({"Taskfile.yml": f"version: '3'\ntasks:\n  a:\n    cmds:\n    - {_HELM}\n"}, "Taskfile.yml:5"),
    # filters between manifests and kubectl
    "sed of labels": (
        {"d.sh": "kustomize build shop | sed 's/app: web/app: scraper/' | kubectl apply -f -\n"},
        "what `sed` in d.sh:1 makes of manifests",
    ),
    "own program in a pipe": (
        {"d.sh": "cat shop/*.yaml | ./render.py | kubectl apply -f -\n"},
        "what `render.py` in d.sh:1",
    ),
    "awk in a workflow": (
        _workflow("kubectl kustomize . | awk -f labels.awk | kubectl apply -f -"),
        "what `awk` in .github/workflows/d.yaml:7",
    ),
    # scripts
    "Makefile": ({"Makefile": f"deploy:\n\t{_HELM}\n"}, "Makefile:2"),
    "Makefile with a variable": ({"Makefile": "deploy:\n\t$(HELM) upgrade --install r x/r -n shop\n"}, "Makefile:2"),
    "helm by its path": ({"deploy.sh": "/usr/local/bin/helm upgrade --install r x/r -n shop\n"}, "deploy.sh:1"),
    "dry run in a remark": ({"deploy.sh": "helm upgrade --install r x/r -n shop # no --dry-run\n"}, "deploy.sh:1"),
    "workflow with a cluster of its own and another": (
        _workflow(f"{_HELM} --kube-context prod", "    - uses: helm/kind-action@v1\n"),
        "`helm upgrade` in .github/workflows/d.yaml:8",
    ),
    "script without a suffix": ({"bin/deploy": f"#!/usr/bin/env bash\n{_HELM}\n"}, "bin/deploy:2"),
    "second job of a workflow": (
        {
            ".github/workflows/d.yaml": "on: push\njobs:\n  test:\n    steps:\n    - uses: helm/kind-action@v1\n"
            f"    - run: {_HELM}\n  deploy:\n    runs-on: own\n    steps:\n    - run: {_HELM}\n"
        },
        "`helm upgrade` in .github/workflows/d.yaml:10",
    ),
    "cluster of a whole workflow": (
        {
            ".github/workflows/d.yaml": "on: push\nenv: {KUBECONFIG: /etc/k}\njobs:\n  test:\n    steps:\n"
            f"    - uses: helm/kind-action@v1\n    - run: {_HELM}\n"
        },
        ".github/workflows/d.yaml:7",
    ),
    "second job in GitLab": (
        {
            ".gitlab-ci.yml": f"test:\n  script:\n  - kind create cluster\n  - {_HELM}\n"
            f"deploy:\n  script:\n  - {_HELM}\n"
        },
        ".gitlab-ci.yml:7",
    ),
    "Kluctl": (
        {"apps/deployment.yaml": "deployments:\n- path: web\n- git:\n    url: https://git.example.com/x\n"},
        "sources of Kluctl in apps/deployment.yaml",
    ),
    "just": ({"justfile": f"deploy:\n  {_HELM}\n"}, "justfile:2"),
    "mise": ({"mise.toml": f'[tasks.a]\nrun = "{_HELM}"\n'}, "mise.toml:2"),
    "bash": ({"bin/deploy.bash": f"{_HELM}\n"}, "bin/deploy.bash:1"),
    "PowerShell": ({"deploy.ps1": "helm upgrade --install `\n  redis x/redis -n shop\n"}, "deploy.ps1:1"),
    "Service of kubectl expose": ({"deploy.sh": "kubectl expose deployment web -n shop\n"}, "`kubectl expose` in"),
    "helm with the namespace first": ({"deploy.sh": "helm -n shop upgrade --install r x/r\n"}, "deploy.sh:1"),
    "helm template into kubectl": ({"deploy.sh": "helm template r x/r -n shop | kubectl apply -f -\n"}, "deploy.sh:1"),
    "dry run into kubectl": (
        {"deploy.sh": "kubectl create deployment a -n shop --dry-run=client -o yaml | kubectl apply -f -\n"},
        "deploy.sh:1",
    ),
    "new-app of OpenShift": ({"deploy.sh": "oc new-app x -n shop\n"}, "`oc new-app` in"),
    "Tilt": ({"Tiltfile": "helm_resource('redis', 'b/redis', namespace='shop')\n"}, "what Tilt makes of Tiltfile"),
    "manifest in Tilt": ({"Tiltfile": f'k8s_yaml(blob("""\n{_SCRAPER}"""))\n'}, "Tiltfile"),
    "manifest in Nix": (
        {"shop/app.nix": '{ apiVersion = "apps/v1"; kind = "Deployment"; metadata.namespace = "shop"; }\n'},
        "what Nix makes of shop/app.nix",
    ),
    "chart in Nix": ({"k3s.nix": 'services.k3s.autoDeployCharts.redis = { targetNamespace = "shop"; };\n'}, "k3s.nix"),
    "YAML in Nix": ({"k3s.nix": f"x = pkgs.writeText \"s\" ''\n{_indented(_SCRAPER, 2)}'';\n"}, "k3s.nix"),
    # Ansible, with the short names of its modules, and commands
    "short name in Ansible": (
        {"play.yml": "- hosts: all\n  tasks:\n  - name: x\n    k8s:\n      src: /tmp/x.yaml\n      namespace: shop\n"},
        "tasks of Ansible in play.yml",
    ),
    "chart of a short name": (
        {"roles/x/tasks/main.yml": "- name: x\n  helm:\n    name: redis\n    chart_ref: x/redis\n"},
        "roles/x/tasks/main.yml",
    ),
    "command of Ansible": (
        {"roles/x/tasks/main.yml": f"---\n- name: x\n  ansible.builtin.command: {_HELM}\n"},
        "roles/x/tasks/main.yml",
    ),
    # machines
    "manifest of a URL in Talos": (
        _talos("  extraManifests:\n  - https://example.com/m.yaml\n"),
        "https://example.com/m.yaml, which Talos applies, talos/controlplane.yaml:5",
    ),
    "patch of Talos": (
        {"p.yaml": "- op: add\n  path: /cluster/extraManifests/-\n  value: https://e.com/m\n"},
        "p.yaml:3",
    ),
    "manifest in Talos that does not parse": (_inline(_SCRAPER.replace("}", "", 1)), "talos/controlplane.yaml"),
    "template in Talos": (_inline(_SIDE), "talos/controlplane.yaml"),
    # keys that only a parser reads, where none does
    "keys of their own": (
        {"shop/s.yaml": "? apiVersion\n: apps/v1\n? kind\n: Deployment\nmetadata: {name: scraper\n"},
        "shop/s.yaml",
    ),
    # installers, and what is piped or downloaded
    "curl into kubectl": (
        {"d.sh": "curl -sL https://example.com/shop.yaml | kubectl apply -n shop -f -\n"},
        "what goes into `kubectl apply` in d.sh:1",
    ),
    "kustomization of another repository into kubectl": (
        {"d.sh": "kustomize build github.com/acme/shop \\\n  | kubectl apply -f -\n"},
        "what goes into `kubectl apply` in d.sh:2",
    ),
    "kubectl kustomize into kubectl": (
        {"Makefile": "d:\n\tkubectl kustomize https://github.com/acme/shop?ref=v1 | kubectl create -f-\n"},
        "what goes into `kubectl create` in Makefile:2",
    ),
    "program of another project into kubectl": (
        {"d.sh": "linkerd install --set x=y | kubectl apply -f -\n"},
        "what goes into `kubectl apply` in d.sh:1",
    ),
    "template of a URL into oc": (
        {"d.sh": "oc process -f https://example.com/t.yaml | oc apply -f -\n"},
        "what goes into `oc apply` in d.sh:1",
    ),
    "file that is downloaded": (
        {"d.sh": "curl -o /tmp/a.yaml https://example.com/a.yaml\nkubectl apply -f /tmp/a.yaml\n"},
        "`kubectl apply` in d.sh:2",
    ),
    "file that keeps its name": (
        {"d.sh": "curl -LO https://example.com/a.yaml\nkubectl apply -f a.yaml\n"},
        "`kubectl apply` in d.sh:2",
    ),
    "release of Flux by a command": (
        {"d.sh": "flux create helmrelease s --source=HelmRepository/x --chart=y --target-namespace=shop\n"},
        "`flux create helmrelease` in d.sh:1",
    ),
    "Application by a command": (
        _workflow("argocd app create s --repo https://git.example.com/x --path . --dest-namespace shop"),
        "`argocd app create` in .github/workflows/d.yaml:7",
    ),
    "one of several pipes on a line": (
        {"d.sh": "curl -sL https://example.com/a.yaml | kubectl apply -f - && cat a.yaml | kubectl apply -f -\n"},
        "what goes into `kubectl apply` in d.sh:1",
    ),
    "curl behind a text that is printed": (
        {"d.sh": "a=b\necho start; curl -sL https://example.com/a.yaml | kubectl apply -f -\n"},
        "what goes into `kubectl apply` in d.sh:2",
    ),
    "curl behind quotes": (
        {"d.sh": "sh -c 'cd a; curl -sL https://example.com/a.yaml' | kubectl apply -f -\n"},
        "what goes into `kubectl apply` in d.sh:1",
    ),
    "helm behind kubectl": (
        {"d.sh": f"kubectl apply -f shop/web.yaml && {_HELM}; kubectl get pods\n"},
        "`helm upgrade` in d.sh:1",
    ),
    "installer in a workflow with a cluster for tests": (
        {
            ".github/workflows/d.yaml": "on: push\njobs:\n  a:\n    steps:\n    - uses: helm/kind-action@v1\n"
            "    - run: kubectl get pods\n  b:\n    steps:\n    - run: glooctl install gateway -n shop\n"
        },
        "`glooctl install` in .github/workflows/d.yaml:9",
    ),
    "oc in Python": (
        {"d.py": "import os\nos.system('oc apply -n shop -f https://example.com/a.yaml')\n"},
        "`oc apply` in d.py:2",
    ),
    "kapp": ({"d.sh": "kapp deploy -a x -f https://example.com/a.yaml -y\n"}, "`kapp deploy` in d.sh:1"),
    "Timoni": ({"d.sh": "timoni apply s oci://example.com/s -n shop\n"}, "`timoni apply` in d.sh:1"),
    "bundle of Timoni": (
        {"bundle.cue": 'bundle: {\n  instances: s: {module: url: "oci://example.com/s"\n  namespace: "shop"}\n}\n'},
        "what CUE makes of bundle.cue",
    ),
    "library of Jsonnet": (
        {"main.jsonnet": "(import 'l.libsonnet')\n", "l.libsonnet": "{apiVersion: 'apps/v1', kind: 'Deployment'}\n"},
        "what Jsonnet makes of l.libsonnet",
    ),
    "library of another repository": (
        {"main.jsonnet": "local s = import 'github.com/acme/s/main.libsonnet';\ns.new('shop')\n"},
        "what Jsonnet makes of main.jsonnet",
    ),
    "cloud-init": (
        {
            "user-data.yaml": "#cloud-config\nwrite_files:\n- path: /var/lib/rancher/k3s/server/manifests/s.yaml\n"
            "  content: |\n" + _indented(_SCRAPER, 4)
        },
        "manifests in user-data.yaml",
    ),
    "cloud-init in base64": (
        {
            "user-data.yaml": "#cloud-config\nwrite_files:\n- path: /var/lib/rancher/rke2/server/manifests/s.yaml\n"
            "  encoding: b64\n  content: YXBp\n"
        },
        "manifests in user-data.yaml",
    ),
    "Butane": (
        {
            "node.bu": "storage:\n  files:\n  - path: /etc/kubernetes/manifests/s.yaml\n    contents:\n"
            "      inline: |\n" + _indented(_SCRAPER, 8)
        },
        "manifests in node.bu",
    ),
    "module of Terraform with a namespace": (
        {"m.tf": 'module "s" {\n  source    = "git::https://git.example.com/s.git"\n  namespace = "shop"\n}\n'},
        "module s of Terraform, m.tf:1",
    ),
    "module of Terraform by its name": (
        {"m.tf": 'module "s" {\n  source = "aws-ia/eks-blueprints-addons/aws"\n}\n'},
        "module s of Terraform, m.tf:1",
    ),
    "helm in Python": (
        {"d.py": "import subprocess\nsubprocess.run([\n  'helm', 'install', 'redis', 'x/redis',\n])\n"},
        "`helm install` in d.py:3",
    ),
    "client in Python": (
        {"d.py": "from kubernetes import client\nclient.AppsV1Api().create_namespaced_deployment(ns, body)\n"},
        "a program in Python, d.py",
    ),
    "tasks of an address": (
        {"Taskfile.yml": "version: '3'\nincludes:\n  x: https://example.com/Taskfile.yml\n"},
        "tasks of another place, included by Taskfile.yml",
    ),
    "keys on lines of their own": (
        {"shop/s.yaml": "?\n  apiVersion\n: a/v1\n?\n  kind\n: X\nmetadata: [\n"},
        "shop/s.yaml",
    ),
}

#: Pods with the label in `shop` itself.
MATCHING: dict[str, Files] = {
    "manifest in Talos": _inline(_SCRAPER),
    "manifest in a patch of Talos": {
        "talos/p.yaml": "- op: add\n  path: /cluster/inlineManifests/-\n  value:\n    name: s\n    contents: |\n"
        + _indented(_SCRAPER, 6)
    },
}

CLEAR: dict[str, Files] = {
    "labels of something else": {
        "d.sh": "kubectl label ns shop a=b; kubectl label node n a=b; kubectl label pods x a-\n"
    },
    "patch of something else": {
        "d.sh": 'kubectl patch svc web -p \'{"metadata":{"labels":{"a":"b"}}}\'; kubectl patch deploy web -p x\n'
    },
    "task of Azure that packages": {
        "azure-pipelines.yml": "steps:\n- task: HelmDeploy@0\n  inputs:\n    command: package\n- task: Docker@2\n"
        "  inputs:\n    command: upgrade\n"
    },
    "sed of images": {"d.sh": 'kustomize build . | sed "s|IMAGE_TAG|$TAG|" | kubectl apply -f -\n'},
    "sed of the only image": {"d.sh": "sed 's/image: i/image: j/' shop/web.yaml | kubectl apply -f -\n"},
    "sed of another namespace": {"d.sh": "sed 's/scraper/b/' monitoring/scraper.yaml | kubectl apply -f -\n"},
    "yq of images": {
        "d.sh": "kustomize build . | yq '.spec.template.spec.containers[0].image = \"a\"' | kubectl apply -f -\n"
    },
    "Compose": {"docker-compose.yml": "services:\n  scraper:\n    image: x\n    labels: {app: scraper}\n"},
    "file of the tree into kubectl": {
        "d.sh": "cat shop/web.yaml | kubectl apply -f -\nenvsubst < a.yaml | kubectl apply -f -\n"
        "kustomize build . | sed s/IMAGE/b/ | kubectl apply -f -\n"
        "kubectl create namespace x --dry-run=client -o yaml | kubectl apply -f -\n"
    },
    "definitions into kubectl": {
        "d.sh": "kubectl kustomize 'github.com/kubernetes-sigs/gateway-api/config/crd?ref=v1' | kubectl apply -f -\n"
    },
    "remark on a pipe": {"d.sh": "# curl https://example.com/a.yaml | kubectl apply -f -\n"},
    "remark below a line": {
        "d.sh": "a=b\n# curl https://example.com/a.yaml | kubectl apply -f -\n  # istioctl install\n"
        "# curl -o a.yaml https://example.com/a.yaml\nkubectl apply -f a.yaml\n"
    },
    "command that is printed": {
        "d.sh": "a=b\necho 'curl https://example.com/a.yaml | kubectl apply -f -'\necho \"run istioctl install\"\n"
    },
    "filter in quotes": {"d.sh": "yq 'select(.kind == \"A\") | del(.x); unique_by(.y)' a.yaml | kubectl apply -f -\n"},
    "filter on several lines": {
        "d.sh": "kubectl get x -o json \\\n  | jq 'del(.a)\n    | .spec.b = $c' \\\n  | kubectl apply -f -\n"
    },
    "what Flux builds of the tree": {
        "d.sh": "flux build kustomization a --path . --dry-run | kubectl apply --server-side -f -\n"
    },
    "download of something else": {"d.sh": "curl -o /tmp/a https://example.com/a\nkubectl apply -f web.yaml\n"},
    "manifest of Flux that is printed": {"d.sh": "flux create kustomization a --source=x --export > a.yaml\n"},
    "dashboards in Jsonnet": {
        "d.jsonnet": "local g = import 'github.com/grafana/grafonnet/main.libsonnet';\ng.new()\n"
    },
    "cloud-init of something else": {
        "user-data.yaml": "#cloud-config\nwrite_files:\n- {path: /etc/motd, encoding: b64, content: YQ==}\n"
    },
    "modules of Terraform that make clusters": {
        "m.tf": 'module "a" {\n  source = "terraform-aws-modules/eks/aws"\n}\nmodule "b" {\n  source = "./b"\n'
        '  namespace = "shop"\n}\nmodule "c" {\n  source = "terraform-google-modules/kubernetes-engine/google"\n}\n'
    },
    "Python that looks": {"d.py": "run(['kubectl', 'get', 'pods'])\n"},
    "text without a suffix": {"NOTES": f"Once, {_HELM}\n"},
    "script of a program": {"bin/render": f"#!/usr/bin/env python3\nprint('{_SCRAPER[:24]}')\n"},
    "packaged chart of ConfigMaps": {"charts/c-1.0.0.tgz": packaged("c", _CONFIG_MAP)},
    "packaged library": {"charts/c-1.0.0.tgz": packaged("c", _SCRAPER, "type: library\n")},
    "packaged dependency of a chart of ConfigMaps": {
        "c/Chart.yaml": "name: c\nversion: 1.0.0\ntype: library\n",
        "c/charts/s-1.0.0.tgz": packaged("s", _SCRAPER),
    },
    "archive of something else": {"site/data.tgz": b"\x1f\x8bnothing", "site/data.tar.gz": b"nothing"},
    "compressed ConfigMap": {"shop/s.yaml.gz": gzip.compress(_CONFIG_MAP.encode())},
    "workflow that looks": _workflow("kubectl get pods -A; kubectl apply -k .; helm lint c; helm template c"),
    "workflow in another namespace": _workflow("kubectl create deployment x --image=y -n monitoring"),
    "workflow of namespaces and Secrets": _workflow("kubectl create namespace shop; kubectl create secret generic x"),
    "workflow with a cluster of its own": _workflow(_HELM, "    - uses: helm/kind-action@v1\n"),
    "two jobs with clusters of their own": {
        ".github/workflows/d.yaml": "on: push\njobs:\n"
        + "".join(f"  {n}:\n    steps:\n    - uses: helm/kind-action@v1\n    - run: {_HELM}\n" for n in "ab")
        + "  c:\n    steps:\n    - run: make\n"
    },
    "definitions of a URL": _workflow("kubectl apply -f https://example.com/config/crds/all.yaml"),
    "Gateway API": _workflow(
        "kubectl apply -f https://github.com/kubernetes-sigs/gateway-api/releases/download/v1/standard-install.yaml"
    ),
    "Makefile of what is here": {"Makefile": "deploy:\n\tkubectl apply -k .\n\t# helm upgrade --install a b\n"},
    "pod that goes": {"debug.sh": "kubectl run -it --rm a --image=b -- sh\n"},
    "dry run": {"make.sh": "kubectl create deployment a --dry-run=client -o yaml > a.yaml\n"},
    "words of a README": {"README.md": f"```sh\n{_HELM}\n```\n"},
    "Nix of a shell": {"flake.nix": "{ devShells.default = pkgs.mkShell { packages = [ pkgs.kubectl ]; }; }\n"},
    "machine in Nix": {
        "hosts/a.nix": '{ services.openssh.enable = true; kind = "server"; deployment.targetHost = "x"; }\n'
    },
    "Tilt of what is here": {"Tiltfile": "docker_build('x', '.')\nk8s_yaml('shop/web.yaml')\n"},
    "Namespace in Talos": _inline("apiVersion: v1\nkind: Namespace\nmetadata: {name: x}\n"),
    "pods of another namespace in Talos": _inline(deployment("other", "games")),
    "what the documentation of Talos names": _talos(
        "  extraManifests:\n  - https://example.com/kubelet-serving-cert-approver/main/deploy/standalone-install.yaml\n"
        "  - https://github.com/kubernetes-sigs/metrics-server/releases/latest/download/components.yaml\n"
    ),
    "Ansible that looks": {"play.yml": "- hosts: all\n  tasks:\n  - k8s_info: {kind: Pod}\n"},
    "settings named like modules": {"app/config.yaml": "k8s:\n  namespace: shop\nhelm:\n  enabled: true\n"},
}
