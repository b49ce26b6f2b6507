"""Files that are not read and programs of which only a run tells what they put into `shop`, and harmless ones."""

from __future__ import annotations

from tests.closed_world.manifests import Files, Link, deployment

_SCRAPER = deployment("scraper", "shop")
_BOMB = "".join(
    f"{name}: &{name} [{', '.join([f'*{below}'] * 9)}]\n" for below, name in zip("abcdefgh", "bcdefghi", strict=True)
)
_TASK = "".join(f"        {line}\n" for line in _SCRAPER.splitlines())

HIDING: dict[str, tuple[Files, str]] = {
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
