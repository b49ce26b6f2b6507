"""Files of no known kind that run commands on a cluster or hold objects of one hide what they make."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.closed_world.hiding import BASE
from tests.closed_world.manifests import Files, deployment, found
from tests.closed_world.scripts import packaged

_HELM = "helm upgrade --install r x/r -n shop"
_LABEL = "kubectl label pods --all -n shop app=scraper"

_HIDES: dict[str, tuple[Files, str]] = {
    "Perl": ({"d.pl": f'use strict;\nsystem("{_HELM}");\n'}, "`helm upgrade` in d.pl:2"),
    "list of Perl": ({"d.pl": "system('helm', 'install', 'r', 'x/r');\n"}, "`helm install` in d.pl:1"),
    "list of a script in Perl": (
        {"d": "#!/usr/bin/perl\nsystem('helm', 'install',\n  'r', 'x/r');\n"},
        "`helm install` in d:2",
    ),
    "PHP": ({"d.php": f"<?php\nshell_exec('{_LABEL}');\n"}, "`kubectl label` in d.php:2"),
    "mapping of PHP": (
        {"d.php": "<?php $c->create(['apiVersion' => 'apps/v1', 'kind' => 'Deployment']);\n"},
        "manifests in d.php",
    ),
    "Lua": ({"d.lua": f'os.execute("{_HELM}")\n'}, "`helm upgrade` in d.lua:1"),
    "manifest in Tcl": ({"d.tcl": f"set m {{\n{deployment('scraper', 'shop')}}}\n"}, "manifests in d.tcl"),
    "unit of systemd": (
        {"k.service": f"[Service]\nExecStart=/usr/local/bin/{_HELM}\n"},
        "`helm upgrade` in k.service:2",
    ),
    "state of Salt": ({"k.sls": f"a:\n  cmd.run:\n  - name: {_LABEL}\n"}, "`kubectl label` in k.sls:3"),
    "module of Salt": ({"k.sls": "web:\n  kubernetes.deployment_present:\n  - source: x\n"}, "k.sls:2"),
    "Puppet": ({"k.pp": f"exec {{ '{_HELM}':\n}}\n"}, "`helm upgrade` in k.pp:1"),
    "chart of Puppet": ({"k.pp": "helm::chart { 'r':\n  chart => 'x/r',\n}\n"}, "`helm::chart` in k.pp:1"),
    "Packer": ({"k.pkr.hcl": f'provisioner "shell" {{ inline = ["{_HELM}"] }}\n'}, "k.pkr.hcl:1"),
    "lefthook": ({"lefthook.yml": f"post-merge:\n  commands:\n    a: {{run: {_HELM}}}\n"}, "lefthook.yml:3"),
    "devcontainer": (
        {".devcontainer/devcontainer.json": f'{{"postCreateCommand": "{_HELM}"}}\n'},
        "devcontainer.json:1",
    ),
    "list of a devcontainer": (
        {".devcontainer.json": '{"postStartCommand": ["helm", "install", "r", "x/r"]}\n'},
        "`helm install` in .devcontainer.json:1",
    ),
    "devcontainer with comments": ({"a.jsonc": f'{{ // x\n"postCreateCommand": "{_HELM}",}}\n'}, "a.jsonc:2"),
    "zx": ({"d.mjs": f"import {{ $ }} from 'zx'\nawait $`{_HELM}`\n"}, "`helm upgrade` in d.mjs:2"),
    "Deno": ({"d.ts": 'new Deno.Command("helm", {\n  args: ["install", "r", "x/r"]});\nDeno.run;'}, "d.ts"),
    "list of Deno": ({"d.ts": 'Deno.run({cmd: ["helm", "install", "r", "x/r"]});\n'}, "`helm install` in d.ts:1"),
    "list of Node": (
        {"d.js": "const {execFile} = require('child_process')\nexecFile('kubectl', ['run', 'a'])\n"},
        "`kubectl run` in d.js:2",
    ),
    "list of Go": (
        {"d.go": 'package a\n\nvar c = exec.Command("helm", "install", "r",\n\t"x/r")\n'},
        "`helm install` in d.go:3",
    ),
    "Bazel": (
        {"BUILD.bazel": 'k8s_object(\n  name = "a",\n  kind = "deployment",\n)\n'},
        "`k8s_object` in BUILD.bazel:1",
    ),
    "Bazel without a suffix": ({"a/BUILD": 'k8s_deploy(name = "a")\n'}, "`k8s_deploy` in a/BUILD:1"),
    "Bicep": ({"k.bicep": "resource a 'apps/Deployment@v1' = {\n}\n"}, "`apps/Deployment@v1` in k.bicep:1"),
    "Flux by Bicep": (
        {"k.bicep": "resource a 'Microsoft.KubernetesConfiguration/fluxConfigurations@2023' = {\n}\n"},
        "k.bicep:1",
    ),
    "AWS CDK": (
        {"cdk.json": '{"app": "x"}\n', "lib/s.ts": "cluster.addHelmChart('r', {chart: 'r'});\n"},
        "`addHelmChart` in lib/s.ts:1",
    ),
    "AWS CDK in Python": (
        {"app.py": "import aws_cdk\n\ncluster.add_helm_chart('r', chart='r')\n"},
        "`add_helm_chart` in app.py:3",
    ),
    "Score": (
        {"score.yaml": "apiVersion: score.dev/v1b1\nmetadata: {name: a}\ncontainers: {a: {image: b}}\n"},
        "score.yaml",
    ),
    "Acorn": ({"Acornfile": 'containers: web: {\n  image: "x"\n}\n'}, "workloads of Acorn in Acornfile"),
    "Dockerfile": ({"Dockerfile": f"FROM alpine\nENTRYPOINT {_HELM}\n"}, "`helm upgrade` in Dockerfile:2"),
    "list of a Dockerfile": (
        {"tool.Dockerfile": 'FROM alpine\nCMD ["kubectl", "run", "a"]\n'},
        "`kubectl run` in tool.Dockerfile:2",
    ),
    "Helmsman in TOML": (
        {"dsf.toml": '[namespaces.shop]\n[apps.redis]\nnamespace = "shop"\nchart = "x/redis"\n'},
        "applications of Helmsman in dsf.toml",
    ),
    "task of a file without a kind": ({"tasks.yaml": f"a:\n  cmds: ['{_HELM}']\n"}, "`helm upgrade` in tasks.yaml:2"),
    "values of a release": (
        {
            "ops/r.yaml": "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\n"
            "metadata: {name: x, namespace: ops}\nspec: {chart: {spec: {chart: app-template}}, values: {a: "
            f'["{_LABEL}"]}}}}\n'
        },
        "`kubectl label` in ops/r.yaml:4",
    ),
    "verb on the next line": ({"d.sh": "helm \\\n  install r x/r\n"}, "`helm install` in d.sh:1"),
    "script under `exclude`": (
        {"vendor/d.sh": f"{_HELM}\n", "cnpfix.toml": "exclude = ['vendor/**']\n"},
        "`helm upgrade` in vendor/d.sh:1",
    ),
    "tasks under `exclude`": (
        {"vendor/d.yaml": f"a: '{_HELM}'\n", "cnpfix.toml": "exclude = ['vendor/**']\n"},
        "`helm upgrade` in vendor/d.yaml:1",
    ),
    "Terraform under `exclude`": (
        {
            "vendor/d.tf": 'resource "helm_release" "r" {\n  chart = "r"\n}\n',
            "cnpfix.toml": "exclude = ['vendor/**']\n",
        },
        "helm_release r of Terraform, vendor/d.tf:1",
    ),
    "packaged chart under `exclude`": (
        {"shop/c.tgz": packaged("c", deployment("scraper", "shop")), "cnpfix.toml": "exclude = ['**/*.tgz']\n"},
        "shop/c.tgz",
    ),
    "a language that nobody uses": ({"d.zzz": f"RUN! {_HELM}\n"}, "`helm upgrade` in d.zzz:1"),
}
_CLEAR: dict[str, Files] = {
    "Dockerfile that has the tools": {
        "Dockerfile": 'FROM alpine\nRUN apk add kubectl helm\nCMD ["kubectl", "get", "pods"]\n'
    },
    "Makefile that builds": {"Makefile": "build:\n\tgo build ./...\n\thelm lint charts/a\n"},
    "readme": {"README.md": f"    {_HELM}\n", "docs/a.rst": _HELM, "NOTES.txt": _HELM, "README": _HELM},
    "copies": {"a.yaml.bak": deployment("scraper", "shop"), "a.yaml.disabled": deployment("scraper", "shop")},
    "remarks": {"d.lua": "#  helm install r x/r\n", "k.bicep": f"// {_HELM}\n"},
    "a text of a program": {"d.ts": f"console.log('Run `{_HELM}` now')\n", "d.go": f'var s = "{_HELM}"\n'},
    "a program that lists": {"d.go": 'var c = exec.Command("kubectl", "get", "pods")\n'},
    "a test": {"d_test.go": 'var c = exec.Command("helm", "install", "r", "x/r")\n'},
    "a test folder": {"e2e/d.go": 'var c = exec.Command("helm", "install", "r", "x/r")\n'},
    "settings in TOML": {"a.toml": '[apps.web]\nport = 80\n[tool]\nk8s = "1.30"\n'},
    "what git ignores": {"a.toml": "kubernetes = 1\n"},
    "a report of cnpfix": {
        "out": f'{{"findings": [{{"code": "CNP005", "message": "`{_HELM}` in d.sh:1"}}]}}\n',
        "text": f"Cilium 1.18 runs\nCNP005 missing-namespace\n  `{_HELM}` in d.sh:1 may make pods\n",
    },
    "a picture": {"a.xyz": f"\0{_HELM}".encode()},
    "policies of another tool": {"a.rego": 'deny[m] { input.kind == "Deployment" }\n'},
    "a remark of a template": {
        "charts/a/templates/b.yaml": "{{- /* It blocks\n  helm install on the tenant. */ -}}\na: b\n",
        "charts/a/Chart.yaml": "apiVersion: v2\nname: a\nversion: 1.0.0\n",
    },
}


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", _HIDES)
def test_it_hides_what_it_makes_and_is_named(name: str, tmp_path: Path) -> None:
    files, words = _HIDES[name]
    findings = found(tmp_path, {**BASE, **files}, "missing-namespace")
    assert [(each.applicability, each.fixed) for each in findings] == [("unsafe", False)]
    assert words in findings[0].advice


@pytest.mark.parametrize("name", _CLEAR)
def test_what_makes_nothing_hides_nothing(name: str, tmp_path: Path) -> None:
    findings = found(tmp_path, {**BASE, **_CLEAR[name]}, "missing-namespace")
    assert [(each.applicability, each.fixed) for each in findings] == [("evident", True)]
