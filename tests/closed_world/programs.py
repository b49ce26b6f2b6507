"""Files that are not read and programs of which only a run tells what they put into `shop`, and harmless ones."""

from __future__ import annotations

from tests.closed_world.manifests import Files, Link, deployment

_SCRAPER = deployment("scraper", "shop")
_BOMB = "".join(
    f"{name}: &{name} [{', '.join([f'*{below}'] * 9)}]\n" for below, name in zip("abcdefgh", "bcdefghi", strict=True)
)
_TASK = "".join(f"        {line}\n" for line in _SCRAPER.splitlines())

_MODULE: Files = {"go.mod": "module a\n\nrequire k8s.io/client-go v0.30.0\n"}
_GO = """package shop

func pods() *appsv1.Deployment {
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "scraper", Namespace: "shop"},
	}
}
"""
_PLUGIN = (
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cmp, namespace: argocd}\ndata:\n  plugin.yaml: |\n"
    "    kind: ConfigManagementPlugin\n    metadata: {name: p}\n"
    "    spec: {generate: {command: [p]}, discover: {fileName: kustomization.yaml}}\n"
)


def _calls(workflow: str, given: str, job: str = "a") -> Files:
    return {
        ".github/workflows/d.yaml": f"on: push\njobs:\n  {job}:\n    uses: {workflow}\n    with: {{{given}}}\n"
        "    secrets: inherit\n"
    }


def _workflow_of(step: str) -> Files:
    return {".github/workflows/d.yaml": f"on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n    {step}\n"}


HIDING: dict[str, tuple[Files, str]] = {
    "Starlark": (
        {"shop/s.star": 'def main(ctx):\n  return [appsv1.Deployment(metadata=m("scraper"))]\n'},
        "shop/s.star",
    ),
    "module of Terragrunt": (
        {
            "shop/terragrunt.hcl": 'terraform {\n  source = "git::https://git.example.com/modules.git//redis"\n}\n'
            'inputs = {\n  namespace = "shop"\n}\n'
        },
        "the module of Terragrunt, shop/terragrunt.hcl:1",
    ),
    "program of CDKTF": (
        {"cdktf.json": '{"app": "x", "terraformProviders": ["kubernetes@~> 2"]}\n'},
        "a project of CDK for Terraform, cdktf.json",
    ),
    "deployment of Garden": ({"a/garden.yml": "kind: Deploy\ntype: helm\nname: r\n"}, "a/garden.yml"),
    # hostile YAML: each is a file that is not read, and the run goes on
    "deep nesting": ({"shop/s.yaml": f"{_SCRAPER}x: {'[' * 3000}{']' * 3000}\n"}, "shop/s.yaml"),
    "aliases of aliases": ({"shop/s.yaml": f"a: &a [{', '.join('1' * 9)}]\n{_BOMB}{_SCRAPER}"}, "shop/s.yaml"),
    "link to itself": ({"shop/s.yaml": Link("s.yaml")}, "shop/s.yaml"),
    "UTF-16, little end first, that does not say so": ({"shop/s.yaml": _SCRAPER.encode("utf-16-le")}, "shop/s.yaml"),
    "UTF-32": ({"shop/s.yaml": _SCRAPER.encode("utf-32")}, "shop/s.yaml"),
    # programs
    "manifest in a shell script": (
        {"deploy.sh": f"#!/bin/sh\nkubectl apply -f - <<EOF\n{_SCRAPER}EOF\n"},
        "manifests in deploy.sh",
    ),
    "helm in a shell script": (
        {"deploy.sh": "#!/bin/sh\nhelm upgrade --install \\\n  redis x/redis -n shop\n"},
        "`helm upgrade` in deploy.sh:2",
    ),
    "helm into a namespace of a variable": ({"deploy.sh": 'helm install redis x/redis -n "$NS"\n'}, "deploy.sh:1"),
    "kubectl in a shell script": (
        {"deploy.sh": "kubectl get pods\nkubectl run a -n shop\n"},
        "deploy.sh:2",
    ),
    "manifest in Ansible": (
        {"play.yml": f"- hosts: all\n  tasks:\n  - kubernetes.core.k8s:\n      definition:\n{_TASK}"},
        "tasks of Ansible in play.yml",
    ),
    "chart of Ansible": (
        {"play.yml": "- hosts: all\n  tasks:\n  - kubernetes.core.helm: {name: r, chart_ref: x/r}\n"},
        "play.yml",
    ),
    "JSON of Terraform": (
        {"main.tf.json": '{"resource": {"helm_release": {"redis": {"chart": "redis"}}}}'},
        "resources of Terraform in main.tf.json",
    ),
    "Pulumi": ({"Pulumi.yaml": "name: x\nruntime: nodejs\n"}, "a project of Pulumi, Pulumi.yaml"),
    "cdk8s": ({"cdk8s.yaml": "language: python\napp: python main.py\n"}, "cdk8s.yaml"),
    "KCL": ({"shop/main.k": 'apiVersion = "apps/v1"\nkind = "Deployment"\n'}, "what KCL makes of shop/main.k"),
    "Pkl": ({"shop/main.pkl": 'amends "package://pkg.example.com/k8s/api/apps/v1/Deployment.pkl"\n'}, "shop/main.pkl"),
    "Dhall": ({"shop/main.dhall": '{ apiVersion = "apps/v1", kind = "Deployment" }\n'}, "shop/main.dhall"),
    "Skaffold": (
        {"skaffold.yaml": "apiVersion: skaffold/v4beta6\nkind: Config\ndeploy: {helm: {releases: []}}\n"},
        "skaffold.yaml",
    ),
    "transform of Skaffold": (
        {
            "skaffold.yaml": "apiVersion: skaffold/v4beta6\nkind: Config\nmanifests:\n  rawYaml: [shop/*.yaml]\n"
            "  transform: [{name: set-labels, configMap: ['app:scraper']}]\n"
        },
        "what Skaffold's `transform` makes of manifests, skaffold.yaml",
    ),
    "plugin of Argo CD that no Application names": (
        {
            "argocd/a.yaml": "apiVersion: argoproj.io/v1alpha1\nkind: Application\n"
            "metadata: {name: shop, namespace: argocd}\nspec:\n  project: default\n"
            "  source: {repoURL: 'https://git.example.com/x.git', path: .}\n"
            "  destination: {server: 'https://kubernetes.default.svc', namespace: shop}\n",
            "argocd/p.yaml": _PLUGIN,
            "kustomization.yaml": "resources: [shop/web.yaml, shop/policy.yaml, monitoring/scraper.yaml]\n",
        },
        "Application shop, which plugin p of Argo CD may take, argocd/p.yaml",
    ),
    "program in Go": ({**_MODULE, "shop/pods.go": _GO}, "a program in Go, shop/pods.go"),
    "workflow of another repository": (
        _calls("acme/workflows/.github/workflows/deploy.yaml@v1", "namespace: shop"),
        "`uses: acme/workflows/.github/workflows/deploy.yaml@v1` in .github/workflows/d.yaml:4",
    ),
    "workflow for helm": (_calls("acme/workflows/.github/workflows/helm-deploy.yml@v1", "image: a"), "helm-deploy"),
    "workflow with a chart": (_calls("acme/ci/.github/workflows/deploy.yml@main", "chart: redis"), "deploy.yml"),
    "action for helm": (
        _workflow_of("- uses: acme/helm-deploy@v2\n      with: {chart: redis, namespace: shop}"),
        "`uses: acme/helm-deploy@v2` in",
    ),
    "DevSpace": ({"devspace.yaml": "version: v2beta1\ndeployments: {a: {}}\n"}, "devspace.yaml"),
    "werf": ({"werf.yaml": "project: x\nconfigVersion: 1\n"}, "werf.yaml"),
    "Rancher Fleet": ({"shop/fleet.yaml": "defaultNamespace: shop\nhelm: {chart: redis}\n"}, "shop/fleet.yaml"),
    **{
        f"template .{suffix}": (
            {f"shop/s.{suffix}": deployment("side", "shop", {"app": "@APP@"})},
            f"the template shop/s.{suffix}",
        )
        for suffix in ("yaml.in", "yml.erb", "yaml.envsubst", "yaml.template", "yaml.tftpl")
    },
}

CLEAR: dict[str, Files] = {
    "test of Garden": {"garden.yml": "kind: Test\ntype: exec\n"},
    "Terragrunt of a network": {
        "a/terragrunt.hcl": 'terraform {\n  source = "git::https://git.example.com/m.git//vpc"\n}\n'
        'inputs = {\n  cidr = "10.0.0.0/8"\n}\n'
    },
    "CDKTF of a cloud": {"cdktf.json": '{"app": "x", "terraformProviders": ["aws@~> 5"]}\n'},
    "program in Go without a client": {"go.mod": "module a\n", "shop/pods.go": _GO},
    "tests in Go": {**_MODULE, "shop/pods_test.go": _GO, "test/e2e/a.go": _GO, "vendor/k8s.io/a.go": _GO},
    "program in Go that reads": {**_MODULE, "a.go": "package a\n\nvar d = &appsv1.Deployment{}\n"},
    "workflow that deploys something": _calls("acme/workflows/.github/workflows/deploy.yml@v1", "environment: prod"),
    "workflow that deploys manifests": _calls(
        "acme/workflows/.github/workflows/k8s-deploy.yml@v1", "manifests: shop, namespace: shop"
    ),
    "workflows that build": {
        **_calls("acme/workflows/.github/workflows/helm-lint.yml@v1", "chart: a"),
        ".github/workflows/e.yaml": "on: push\njobs:\n  release:\n    uses: acme/x/.github/workflows/release.yml@v1\n"
        "    with: {chart: charts/a}\n",
    },
    "workflow of the repository itself": _calls("./.github/workflows/deploy.yml", "namespace: shop"),
    "actions that prepare": _workflow_of("- uses: azure/setup-helm@v4\n    - uses: helm/chart-releaser-action@v1"),
    "action that applies manifests": _workflow_of(
        "- uses: azure/k8s-deploy@v5\n      with: {manifests: shop/, namespace: shop}"
    ),
    "Skaffold that sets annotations": {
        "skaffold.yaml": "apiVersion: skaffold/v4beta6\nkind: Config\nmanifests:\n"
        "  transform: [{name: set-annotations}]\n"
    },
    "shell script of what is here": {"deploy.sh": "kubectl apply -k .\nkubectl create namespace shop\n"},
    "helm into the namespace that has them": {"deploy.sh": "helm install redis x/redis --namespace=monitoring\n"},
    "kubectl into the namespace that has them": {"deploy.sh": "kubectl run a --image=b -n monitoring\n"},
    "ConfigMap in a shell script": {"deploy.sh": "kubectl apply -f - <<EOF\nkind: ConfigMap\napiVersion: v1\nEOF\n"},
    "template in the namespace that has them": {
        "monitoring/s.yaml.in": deployment("side", "monitoring", {"app": "@APP@"})
    },
    "copy of a manifest": {"shop/s.yaml.bak": _SCRAPER, "shop/s.yaml.disabled": _SCRAPER},
    "Skaffold of what is here": {"skaffold.yaml": "apiVersion: skaffold/v4beta6\nkind: Config\nbuild: {}\n"},
    "namespace of Rancher Fleet": {"shop/fleet.yaml": "defaultNamespace: shop\n"},
    "Ansible without Kubernetes": {"play.yml": "- hosts: all\n  tasks:\n  - ansible.builtin.copy: {src: a, dest: b}\n"},
}
