"""What may hold pods of `shop` that no manifest shows, and what looks like it and holds none.

The base is a policy of `shop` that lets in `app=scraper`, of which the only known pods run in `monitoring`. `HIDES` are
files beside it after which nobody can tell that `shop` has none, each with words that the finding has to say;
`MATCHES` are files with such pods in `shop`; `CLEAR` are files that change nothing.
"""

from __future__ import annotations

import json

from tests.closed_world import programs, scripts
from tests.closed_world.manifests import Files, Link, deployment, kyverno, resource, webhook

POLICY = """apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata:
  name: web-ingress
  namespace: shop
spec:
  endpointSelector:
    matchLabels:
      app: web
  ingress:
    # metrics of the shop
    - fromEndpoints:
        - matchLabels:
            app: scraper
      toPorts:
        - ports:
            - port: "9113"
              protocol: TCP
"""
BASE: Files = {
    "monitoring/scraper.yaml": deployment("scraper", "monitoring"),
    "shop/web.yaml": deployment("web", "shop", port=9113),
    "shop/policy.yaml": POLICY,
}
#: The same peer in other kinds of policy and other places of one.
POLICIES = {
    "egress": POLICY.replace("ingress:", "egress:").replace("fromEndpoints", "toEndpoints"),
    "specs": "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: a, namespace: shop}\nspecs:\n"
    "- endpointSelector: {matchLabels: {app: web}}\n  ingress:\n  - fromEndpoints: [{matchLabels: {app: scraper}}]\n",
    "network-policy": "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: a, namespace: shop}\n"
    "spec:\n  podSelector: {matchLabels: {app: web}}\n  ingress:\n  - from:\n    - podSelector:\n"
    "        matchLabels:\n          app: scraper\n",
}
SCRAPER = deployment("scraper", "shop")
_LISTED = "resources: [shop/web.yaml, shop/policy.yaml, monitoring/scraper.yaml]\n"
_UNKNOWN = "apps.example.org/v1"
_POD = {"metadata": {"labels": {"app": "scraper"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
_WRAPPED = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "scraper", "namespace": "shop"},
    "spec": {"template": _POD},
}
_FLUX = "helm.toolkit.fluxcd.io/v2"
_CHART = {"chart": {"spec": {"chart": "redis", "sourceRef": {"kind": "HelmRepository", "name": "b"}}}}
_HELM = {"repoURL": "https://charts.example.com", "chart": "redis", "targetRevision": "1.0.0"}
_GIT = {"repoURL": "https://git.example.com/x.git", "path": "apps"}
_HERE = {"server": "https://kubernetes.default.svc", "namespace": "shop"}


_CHALLENGE = {
    "acme": {"solvers": [{"http01": {"ingress": {"podTemplate": {"metadata": {"labels": {"app": "scraper"}}}}}}]}
}
_PROXY = {"provider": {"kubernetes": {"envoyDeployment": {"pod": {"labels": {"app": "scraper"}}}}}}


def _gateway(of: str, namespace: str = "shop", **spec: object) -> str:
    api = "gateway.networking.k8s.io/v1"
    return resource(api, "Gateway", {"gatewayClassName": of, "listeners": [], **spec}, namespace=namespace)


def _gateway_class(controller: str, **spec: object) -> str:
    whole = {"controllerName": controller, **spec}
    return resource("gateway.networking.k8s.io/v1", "GatewayClass", whole, name="istio", namespace=None)


def _virtual_machine(app: str) -> str:
    return (
        "apiVersion: kubevirt.io/v1\nkind: VirtualMachineInstance\n"
        f"metadata: {{name: v, namespace: shop, labels: {{app: {app}}}}}\nspec: {{domain: {{devices: {{}}}}}}\n"
    )


def _analysis(provider: object) -> str:
    return resource("argoproj.io/v1alpha1", "AnalysisTemplate", {"metrics": [{"name": "a", "provider": provider}]})


def _side(value: str) -> str:
    return deployment("side", "shop", {"app": value})


def _application(**spec: object) -> str:
    whole = {"project": "default", "destination": _HERE, **spec}
    return resource("argoproj.io/v1alpha1", "Application", whole, name="redis", namespace="argocd")


def _set(generator: object, **spec: object) -> str:
    template = {"metadata": {"name": "a"}, "spec": {"project": "default", "destination": _HERE, **spec}}
    whole = {"generators": [generator], "template": template}
    return resource("argoproj.io/v1alpha1", "ApplicationSet", whole, name="all", namespace="argocd")


def _elsewhere(namespace: str, entry: str) -> str:
    return f"namespace: {namespace}\nresources: [{entry}]\n"


def _git_source(ignore: str) -> str:
    return (
        "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: x, namespace: flux-system}\n"
        f"spec:\n  url: https://git.example.com/x\n  ignore: {ignore}\n"
    )


def _of_git_source(path: str) -> str:
    return (
        "---\napiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n"
        "metadata: {name: x, namespace: flux-system}\n"
        f"spec: {{path: {path}, sourceRef: {{kind: GitRepository, name: x}}}}\n"
    )


def _cut(kind: str, metadata: str, item: str) -> str:
    """A list with one item, as the API server answers."""
    inner = item.replace("\n", "\n    ").rstrip()
    return f"apiVersion: v1\nkind: {kind}\nmetadata: {{resourceVersion: '1', {metadata}}}\nitems:\n  - {inner}\n"


def _kustomization(more: str) -> str:
    return _LISTED + more


_HIDES: dict[str, tuple[Files, str]] = {
    # kinds that are not understood
    "kind": ({"shop/x.yaml": resource(_UNKNOWN, "Worker")}, "Worker x, shop/x.yaml"),
    "kind of another namespace": ({"games/x.yaml": resource(_UNKNOWN, "Worker", namespace="games")}, "games/x.yaml"),
    "backups whose pods get labels of a repository's settings": (
        {"shop/x.yaml": resource("kopiur.home-operations.com/v1alpha1", "SnapshotPolicy")},
        "SnapshotPolicy x, shop/x.yaml",
    ),
    "kind of the whole cluster": ({"fleet.yaml": resource(_UNKNOWN, "Fleet", namespace=None)}, "fleet.yaml"),
    "kind in a List": (
        {"shop/x.yaml": f'{{"apiVersion": "v1", "kind": "List", "items": [{resource(_UNKNOWN, "Worker")}]}}'},
        "shop/x.yaml",
    ),
    "list of which the rest is elsewhere": (
        {"shop/x.yaml": _cut("List", "continue: abc", deployment("a", "shop"))},
        "shop/x.yaml:1 is a list that the API server cut off",
    ),
    "list of a kind that is cut off": (
        {"shop/x.yaml": _cut("DeploymentList", "remainingItemCount: 3", deployment("a", "shop"))},
        "shop/x.yaml:1 is a list that the API server cut off",
    ),
    "kind with the name of an inert one": ({"shop/x.yaml": resource("core.oam.dev/v1", "Application")}, "shop/x.yaml"),
    "policy of Open Cluster Management": (
        {"shop/x.yaml": resource("policy.open-cluster-management.io/v1", "Policy")},
        "shop/x.yaml",
    ),
    "claim of Crossplane": ({"shop/x.yaml": resource("platform.example.org/v1", "XApp")}, "shop/x.yaml"),
    "instance of kro": ({"shop/x.yaml": resource("kro.run/v1alpha1", "WebApp")}, "shop/x.yaml"),
    "pods that solve challenges of a certificate": (
        {"i.yaml": resource("cert-manager.io/v1", "ClusterIssuer", _CHALLENGE, namespace=None)},
        "ClusterIssuer x, i.yaml",
    ),
    "labels of Envoy's pods": (
        {"shop/e.yaml": resource("gateway.envoyproxy.io/v1alpha1", "EnvoyProxy", _PROXY)},
        "shop/e",
    ),
    "Gateway of an unknown controller": ({"shop/g.yaml": _gateway("stunner")}, "Gateway x, shop/g.yaml"),
    "Gateway whose class is another's": (
        {"g.yaml": _gateway("istio", "games"), "c.yaml": _gateway_class("acme.example/controller")},
        "Gateway x, g.yaml",
    ),
    "parameters of a Gateway": (
        {
            "shop/g.yaml": _gateway(
                "istio", infrastructure={"parametersRef": {"group": "", "kind": "ConfigMap", "name": "a"}}
            )
        },
        "Gateway x, shop/g.yaml",
    ),
    "parameters of all Gateways": (
        {"c.yaml": _gateway_class("istio.io/gateway-controller", parametersRef={"kind": "ConfigMap", "name": "a"})},
        "GatewayClass istio, c.yaml",
    ),
    "object that an external Secret is made into": (
        {
            "shop/e.yaml": resource(
                "external-secrets.io/v1",
                "ExternalSecret",
                {"target": {"manifest": {"apiVersion": "argoproj.io/v1alpha1", "kind": "Application"}}},
            )
        },
        "ExternalSecret x, shop/e.yaml",
    ),
    "import of a realm": ({"shop/k.yaml": resource("k8s.keycloak.org/v2alpha1", "KeycloakRealmImport")}, "shop/k.yaml"),
    "backup that is restored": ({"shop/v.yaml": resource("velero.io/v1", "Restore")}, "shop/v.yaml"),
    "definition of kro": (
        {
            "kro.yaml": resource(
                "kro.run/v1alpha1",
                "ResourceGraphDefinition",
                {"resources": [{"template": {**_WRAPPED, "metadata": {"name": "${schema.spec.name}"}}}]},
                namespace=None,
            )
        },
        "kro.yaml",
    ),
    "object of Crossplane": (
        {
            "crossplane/x.yaml": resource(
                "kubernetes.crossplane.io/v1alpha2", "Object", {"manifest": _WRAPPED}, namespace="crossplane-system"
            )
        },
        "crossplane/x.yaml",
    ),
    # files that cannot be read
    "tabs": ({"shop/s.yaml": "apiVersion: apps/v1\nkind: Deployment\n\tmetadata: x\n"}, "shop/s.yaml"),
    "second document": ({"shop/s.yaml": f"{deployment('a', 'shop')}---\n{SCRAPER.replace('}', '', 1)}"}, "shop/s.yaml"),
    "duplicate key": ({"shop/s.yaml": f"{deployment('a', 'shop')}metadata: {{name: b}}\n"}, "shop/s.yaml"),
    "UTF-16": ({"shop/s.yaml": SCRAPER.encode("utf-16")}, "shop/s.yaml"),
    "UTF-16 that does not say so": ({"shop/s.yaml": SCRAPER.encode("utf-16-be")}, "shop/s.yaml"),
    "Latin-1": ({"shop/s.yaml": b"# caf\xe9\n" + SCRAPER.encode()}, "shop/s.yaml"),
    "NUL": ({"shop/s.yaml": SCRAPER.encode() + b"\0"}, "shop/s.yaml"),
    "symlink to nothing": ({"shop/s.yaml": Link("/nowhere/s.yaml")}, "shop/s.yaml"),
    "folder outside": ({"shop/more": Link("/usr/share")}, "shop/more"),
    "folder outside that is not there": ({"shop/more": Link("../../elsewhere/manifests")}, "shop/more"),
    "Git LFS": ({"shop/s.yaml": "version https://git-lfs.github.com/spec/v1\noid sha256:4d\nsize 1\n"}, "shop/s.yaml"),
    "git-crypt": ({"shop/s.yaml": b"\0GITCRYPT\0" + bytes(range(200))}, "git-crypt unlock"),
    "age": ({"shop/s.yaml": "-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n"}, "shop/s.yaml"),
    "Ansible Vault": ({"shop/s.yaml": "$ANSIBLE_VAULT;1.1;AES256\n6162\n"}, "shop/s.yaml"),
    "SOPS as a whole": (
        {"shop/s.yaml": json.dumps({"data": "ENC[AES256_GCM,data:x]", "sops": {"version": "3"}})},
        "shop/s.yaml",
    ),
    "submodule": ({".gitmodules": '[submodule "a"]\n\tpath = shop/more\n\turl = https://x\n'}, "submodule update"),
    "excluded": ({"cnpfix.toml": 'exclude = ["vendor/**"]\n', "vendor/s.yaml": SCRAPER}, "vendor/s.yaml"),
    # labels whose values something fills in
    "Helm in a label": ({"shop/s.yaml": _side("{{ .Values.app }}")}, "shop/s.yaml"),
    "Helm around a manifest": ({"shop/s.yaml": f"{{{{ if .x }}}}\n{_side('a')}{{{{ end }}}}\n"}, "shop/s.yaml"),
    "Jinja": ({"shop/s.yaml.j2": f"{{% if x %}}\n{_side('a')}{{% endif %}}\n"}, "shop/s.yaml.j2"),
    **{
        f"template named {suffix}": ({f"shop/s.yaml.{suffix}": _side("{{ app }}")}, f"shop/s.yaml.{suffix}")
        for suffix in ("jinja2", "mustache", "hbs")
    },
    "ytt": (
        {"shop/s.yaml": _side("a").replace('{"app": "a"}', "\n      app: #@ data.values.app\n     ")},
        "shop/s.yaml",
    ),
    "SOPS in a label": ({"shop/s.yaml": _side("ENC[AES256_GCM,data:x,type:str]")}, "shop/s.yaml"),
    "Flux variable": ({"shop/s.yaml": _side("${SIDE}")}, "SIDE"),
    "shell variable": ({"shop/s.yaml": _side("$SIDE")}, "shop/s.yaml"),
    "Vault placeholder": ({"shop/s.yaml": _side("<path:secret/x#app>")}, "shop/s.yaml"),
    "Azure placeholder": ({"shop/s.yaml": _side("#{APP}#")}, "shop/s.yaml"),
    "other placeholder": ({"shop/s.yaml": _side("@@APP@@")}, "shop/s.yaml"),
    "kustomize variable": ({"shop/s.yaml": _side("$(APP)")}, "shop/s.yaml"),
    "variable for the namespace": ({"shop/s.yaml": deployment("scraper", "${NS}")}, "shop/s.yaml"),
    "no namespace": ({"misc/s.yaml": deployment("scraper", None)}, "misc/s.yaml"),
    # what other programs make
    "chart with dependencies": (
        {"charts/c/Chart.yaml": "name: c\nversion: 1.0.0\ndependencies: [{name: redis, version: 1.0.0}]\n"},
        "charts/c",
    ),
    "HelmRelease": ({"shop/r.yaml": resource(_FLUX, "HelmRelease", _CHART)}, "shop/r.yaml"),
    "HelmRelease for another namespace": (
        {"f/r.yaml": resource(_FLUX, "HelmRelease", {**_CHART, "targetNamespace": "shop"}, namespace="flux-system")},
        "f/r.yaml",
    ),
    "HelmRelease of an OCI chart": (
        {"shop/r.yaml": resource(_FLUX, "HelmRelease", {"chartRef": {"kind": "OCIRepository", "name": "r"}})},
        "shop/r.yaml",
    ),
    "HelmChart of k3s": (
        {"k/r.yaml": resource("helm.cattle.io/v1", "HelmChart", {"chart": "redis", "targetNamespace": "shop"})},
        "k/r.yaml",
    ),
    "Helmfile": ({"helmfile.yaml": "releases:\n- {name: r, namespace: shop, chart: x/r}\n"}, "helmfile.yaml:2"),
    "Helmfile with templates": (
        {"helmfile.yaml.gotmpl": "releases:\n{{ range .x }}- name: r\n  chart: x/r\n{{ end }}"},
        "helmfile.yaml.gotmpl",
    ),
    "folder of Helmfile": ({"helmfile.d/r.yaml": "releases:\n- {name: r, chart: x/r}\n"}, "helmfile.d/r.yaml"),
    "Terraform": (
        {"main.tf": 'resource "helm_release" "redis" {\n  namespace = "shop"\n  chart = "redis"\n}\n'},
        "main.tf:1",
    ),
    "Tanka": ({"env/spec.json": resource("tanka.dev/v1alpha1", "Environment", {"namespace": "shop"})}, "env/spec.json"),
    "Jsonnet": ({"shop/main.jsonnet": "local d = import 'deployment.libsonnet';\n[d]\n"}, "shop/main.jsonnet"),
    "CUE": ({"shop/app.cue": 'app: {apiVersion: "apps/v1", kind: "Deployment"}\n'}, "shop/app.cue"),
    "kpt": (
        {"shop/Kptfile": "apiVersion: kpt.dev/v1\nkind: Kptfile\nmetadata: {name: x}\n"},
        "shop/Kptfile",
    ),
    "chart of Argo CD": ({"argocd/a.yaml": _application(source=_HELM)}, "argocd/a.yaml"),
    "repository of Argo CD": ({"argocd/a.yaml": _application(source=_GIT)}, "argocd/a.yaml"),
    "plugin of Argo CD": ({"argocd/a.yaml": _application(source={**_GIT, "plugin": {"name": "p"}})}, "argocd/a.yaml"),
    "sources of Argo CD": ({"argocd/a.yaml": _application(sources=[_HELM, {**_GIT, "ref": "v"}])}, "argocd/a.yaml"),
    "set of Applications": ({"argocd/a.yaml": _set({"clusters": {}}, source=_HELM)}, "argocd/a.yaml"),
    "Helm chart of kustomize": (
        {"kustomization.yaml": _kustomization("helmCharts: [{name: redis, repo: https://x, namespace: shop}]\n")},
        "kustomization.yaml",
    ),
    "Helm chart of kustomize in its old form": (
        {
            "kustomization.yaml": _kustomization(
                "helmChartInflationGenerator: [{chartName: redis, chartRepoUrl: https://x, releaseNamespace: shop}]\n"
            )
        },
        "kustomization.yaml",
    ),
    "remote base": (
        {"kustomization.yaml": "resources: [shop/web.yaml, 'https://github.com/x/y//d?ref=v1']\n"},
        "kustomization.yaml",
    ),
    "remote component": (
        {"kustomization.yaml": _kustomization("components: ['https://github.com/x/y//c?ref=v1']\n")},
        "kustomization.yaml",
    ),
    "file for a holder of Secrets that is not there": (
        {"kustomization.yaml": _kustomization("").replace("]", ", secret-holder.yaml]")},
        "secret-holder.yaml",
    ),
    "operator for Secrets that is not there": (
        {"kustomization.yaml": _kustomization("").replace("]", ", external-secrets.yaml]")},
        "external-secrets.yaml",
    ),
    "remote manifest beside definitions of kinds": (
        {"kustomization.yaml": _kustomization("").replace("]", ", 'https://example.com/crds/daemonset-install.yaml']")},
        "daemonset-install.yaml",
    ),
    "encrypted file that is not there": (
        {"kustomization.yaml": _kustomization("").replace("]", ", scraper.sops.yaml]")},
        "scraper.sops.yaml",
    ),
    "installation of an operator for Secrets that is not there": (
        {"kustomization.yaml": _kustomization("").replace("]", ", install-external-secrets.yaml]")},
        "install-external-secrets.yaml",
    ),
    "release that is not there and names its own namespace": (
        {"kustomization.yaml": _kustomization(""), "flux/kustomization.yaml": _elsewhere("tools", "helmrelease.yaml")},
        "helmrelease.yaml, which is not there",
    ),
    "what is not there and Argo CD applies": (
        {"kustomization.yaml": _kustomization(""), "flux/kustomization.yaml": _elsewhere("argocd", "all.yaml")},
        "all.yaml, which is not there",
    ),
    "remote base that Argo CD applies": (
        {
            "kustomization.yaml": _kustomization(""),
            "flux/kustomization.yaml": _elsewhere("argocd", "'https://github.com/x/y//apps?ref=v1'"),
        },
        "remote https://github.com/x/y//apps?ref=v1",
    ),
    "remote manifest with its definitions of kinds": (
        {"kustomization.yaml": _kustomization("").replace("]", ", 'https://example.com/scraper-with-crds.yaml']")},
        "scraper-with-crds.yaml",
    ),
    "remote manifest called like one of the system": (
        {"deploy.sh": "kubectl apply -n shop -f https://example.com/metrics-server-scraper/main/a.yaml\n"},
        "deploy.sh:1",
    ),
    "one of two sources of a name keeps definitions of kinds alone": (
        {
            "a.yaml": _git_source("|\n    /*\n    !/config/crd") + _of_git_source("./deploy"),
            "b.yaml": _git_source('""'),
        },
        "./deploy of https://git.example.com/x",
    ),
    "remote manifest that a kustomization above puts into the namespace": (
        {
            "over/kustomization.yaml": "namespace: shop\nresources: [../base]\n",
            "base/kustomization.yaml": "namespace: games\nresources: ['https://example.com/all.yaml']\n",
        },
        "all.yaml",
    ),
    "resource that is not there": ({"kustomization.yaml": "resources: [shop/web.yaml, gone.yaml]\n"}, "gone.yaml"),
    "kustomization that cannot be read": ({"kustomization.yaml": "resources: [a.yaml\n"}, "kustomization.yaml"),
    "generator": ({"kustomization.yaml": _kustomization("generators: [g.yaml]\n")}, "g.yaml"),
    "transformer": (
        {"kustomization.yaml": _kustomization("transformers: [t.yaml]\n"), "t.yaml": resource("x.org/v1", "Labeler")},
        "t.yaml",
    ),
    "replacement of a label by a pattern of names": (
        {
            "kustomization.yaml": _kustomization(
                "replacements: [{source: {kind: Deployment, name: scraper}, targets: [{select: {kind: Deployment,"
                " name: 'w.*'}, fieldPaths: [spec.template.metadata.labels.app]}]}]\n"
            )
        },
        "replacements",
    ),
    "patch that is not there": (
        {"kustomization.yaml": _kustomization("patches: [{path: gone.yaml, target: {kind: Deployment}}]\n")},
        "kustomization.yaml",
    ),
    # admission
    "label of Kyverno": (
        {"k.yaml": kyverno({"mutate": {"patchStrategicMerge": {"metadata": {"labels": {"+(app)": "scraper"}}}}})},
        "ClusterPolicy change (Kyverno), k.yaml",
    ),
    "object of Kyverno": (
        {"k.yaml": kyverno({"generate": {**_WRAPPED, "namespace": "shop", "data": {"spec": {}}}}, ["Namespace"])},
        "k.yaml",
    ),
    "copies of Kyverno": (
        {"k.yaml": kyverno({"generate": {"cloneList": {"namespace": "t", "kinds": ["apps/v1/Deployment"]}}})},
        "k.yaml",
    ),
    "label of Gatekeeper": (
        {
            "g.yaml": resource(
                "mutations.gatekeeper.sh/v1",
                "AssignMetadata",
                {"match": {"kinds": [{"kinds": ["Pod"]}]}, "location": "metadata.labels.app"},
                namespace=None,
            )
        },
        "g.yaml",
    ),
    "webhook": ({"w.yaml": webhook("", "pods")}, "MutatingWebhookConfiguration labeller (a webhook), w.yaml"),
    "webhook for every resource": ({"w.yaml": webhook("*", "*", namespace="shop")}, "w.yaml"),
}
_MAKERS: dict[str, tuple[Files, str]] = {
    f"{kind} of {api}": ({"shop/x.yaml": resource(api, kind, {"size": 1})}, "shop/x.yaml")
    for api, kinds in {
        "acid.zalan.do/v1": "postgresql",
        "actions.github.com/v1alpha1": "AutoscalingRunnerSet",
        "apps.open-cluster-management.io/v1": "Subscription",
        "argoproj.io/v1alpha1": "EventSource Sensor Workflow",
        "batch.volcano.sh/v1alpha1": "Job",
        "elasticsearch.k8s.elastic.co/v1": "Elasticsearch",
        "fleet.cattle.io/v1alpha1": "GitRepo",
        "grafana.integreatly.org/v1beta1": "Grafana",
        "k8s.mariadb.com/v1alpha1": "Backup MariaDB",
        "kappctrl.k14s.io/v1alpha1": "App",
        "kubeflow.org/v1": "PyTorchJob",
        "minio.min.io/v2": "Tenant",
        "operator.victoriametrics.com/v1beta1": "VMAgent",
        "rabbitmq.com/v1beta1": "RabbitmqCluster",
        "ray.io/v1": "RayCluster",
        "serving.kserve.io/v1beta1": "InferenceService",
        "tailscale.com/v1alpha1": "Connector",
        "tekton.dev/v1": "PipelineRun",
    }.items()
    for kind in kinds.split()
}

HIDES = _HIDES | _MAKERS | programs.HIDING | scripts.HIDING

#: Pods with the label in `shop` itself: the selector matches them, and there is nothing to find.
MATCHES: dict[str, Files] = {
    "label of a replacement": {
        "kustomization.yaml": _kustomization(
            "replacements: [{source: {kind: Deployment, name: scraper}, targets: [{select: {kind: Deployment},"
            " fieldPaths: [spec.template.metadata.labels.app]}]}]\n"
        )
    },
    **scripts.MATCHING,
    "JSON": {"shop/s.json": json.dumps(_WRAPPED)},
    "another suffix": {"shop/s.yml": SCRAPER},
    "byte order mark": {"shop/s.yaml": b"\xef\xbb\xbf" + SCRAPER.encode()},
    "escaped label": {"shop/s.yaml": SCRAPER.replace('"scraper"', '"scr\\u0061per"')},
    "tagged kind": {"shop/s.yaml": SCRAPER.replace("kind: ", "kind: !!str ")},
    "anchored kind": {"shop/s.yaml": SCRAPER.replace("kind: ", "kind: &kind ")},
    "merge key": {
        "shop/s.yaml": f"x: &c {json.dumps({'template': _POD})}\napiVersion: apps/v1\nkind: Deployment\n"
        "metadata: {name: s, namespace: shop}\nspec: {<<: *c}\n"
    },
    "symlink to a file of the tree": {"shop/s.yaml": Link("../common/s.yaml"), "common/s.yaml": SCRAPER},
    "ReplicationController": {
        "shop/s.yaml": json.dumps({**_WRAPPED, "apiVersion": "v1", "kind": "ReplicationController"})
    },
    "virtual machine that runs": {"shop/v.yaml": _virtual_machine("scraper")},
    "virtual machine of an instance type": {
        "shop/v.yaml": resource(
            "kubevirt.io/v1",
            "VirtualMachine",
            {"instancetype": {"name": "a"}, "template": {"metadata": _POD["metadata"], "spec": {"volumes": []}}},
        )
    },
    "job of an analysis": {"shop/a.yaml": _analysis({"job": {"spec": {"template": _POD}}})},
    "template of an unknown kind": {"shop/s.yaml": resource(_UNKNOWN, "Fleet", {"template": _POD})},
    "labels of kustomize": {
        "kustomization.yaml": _LISTED,
        "shop/kustomization.yaml": "resources: [web.yaml]\nlabels: [{pairs: {app: scraper}, includeSelectors: true}]\n",
    },
    "folder that git does not keep": {"shop/.hidden/s.yaml": SCRAPER},
}

_CLEAR: dict[str, Files] = {
    "nothing": {},
    "list that is whole": {"shop/x.yaml": _cut("List", "continue: ''", deployment("a", "shop"))},
    "list of ConfigMaps that is cut off": {
        "shop/x.yaml": _cut("ConfigMapList", "continue: abc", "metadata: {name: a}\n")
    },
    "virtual machine with other labels": {"shop/v.yaml": _virtual_machine("other")},
    "analysis of metrics": {"shop/a.yaml": _analysis({"prometheus": {"query": "up"}})},
    "challenges by DNS": {
        "i.yaml": resource(
            "cert-manager.io/v1", "ClusterIssuer", {"acme": {"solvers": [{"dns01": {}}]}}, namespace=None
        )
    },
    "challenges with labels of their own": {
        "i.yaml": resource(
            "cert-manager.io/v1", "Issuer", {"acme": {"solvers": [{"http01": {"ingress": {"class": "nginx"}}}]}}
        )
    },
    "Envoy with the usual labels": {
        "shop/e.yaml": resource(
            "gateway.envoyproxy.io/v1alpha1",
            "EnvoyProxy",
            {"provider": {"kubernetes": {"envoyDeployment": {"replicas": 2}}}},
        ),
        "shop/g.yaml": _gateway("internal"),
        "c.yaml": _gateway_class("gateway.envoyproxy.io/gatewayclass-controller").replace('"istio"', '"internal"'),
    },
    "external Secret": {
        "shop/e.yaml": resource(
            "external-secrets.io/v1", "ExternalSecret", {"target": {"manifest": {"kind": "ConfigMap"}}}
        )
    },
    "kinds that make nothing": {
        "shop/a.yaml": "---\n".join(
            resource(api, kind, {})
            for api, kind in (
                ("flagger.app/v1beta1", "MetricTemplate"),
                ("k8s.ovn.org/v1", "UserDefinedNetwork"),
                ("apiextensions.crossplane.io/v1", "CompositeResourceDefinition"),
                ("rds.services.k8s.aws/v1alpha1", "DBInstance"),
                ("s3.aws.upbound.io/v1beta1", "Bucket"),
                ("v1alpha1", "WatchdogTimerConfig"),
            )
        )
    },
    "kind that a person knows": {
        "shop/x.yaml": resource(_UNKNOWN, "Worker"),
        "cnpfix.toml": '[facts]\ninert_kinds = ["Worker.apps.example.org"]\n',
    },
    "namespace that a person knows": {
        "shop/x.yaml": resource(_UNKNOWN, "Worker"),
        "cnpfix.toml": '[facts]\ncomplete = ["shop"]\n',
    },
    "values that do not parse": {"shop/values.yaml": "a: [1, 2\nb: 3\n"},
    "ConfigMap that does not parse": {"shop/c.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: [\n"},
    "ConfigMap with a manifest in it": {
        "shop/c.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: shop}\ndata:\n  x: |\n"
        "    kind: Deployment\n    apiVersion: apps/v1\n"
    },
    "encrypted Secret": {
        "shop/s.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: x, namespace: shop}\n"
        "data: {a: 'ENC[AES256_GCM,data:x]'}\nsops: {version: 3}\n"
    },
    "picture in Git LFS": {"shop/s.png": "version https://git-lfs.github.com/spec/v1\noid sha256:4d\nsize 1\n"},
    "default of a variable": {"shop/s.yaml": deployment("side", "shop", {"app": "side", "team": "${TEAM}"})},
    "variable for the namespace of others": {"shop/s.yaml": deployment("other", "${NS}")},
    "others without a namespace": {"misc/s.yaml": deployment("other", None)},
    "chart of ConfigMaps": {
        "charts/c/Chart.yaml": "name: c\nversion: 1.0.0\n",
        "charts/c/templates/c.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '{{ .Release.Name }}'}\n",
    },
    "library chart": {
        "charts/c/Chart.yaml": "name: c\ntype: library\nversion: 1.0.0\n",
        "charts/c/templates/_c.tpl": '{{ define "x" }}\napiVersion: apps/v1\nkind: Deployment\n{{ end }}\n',
    },
    "release that is not installed": {"helmfile.yaml": "releases:\n- {name: r, chart: x/r, installed: false}\n"},
    "Jsonnet of rules": {"rules.jsonnet": "{apiVersion: 'monitoring.coreos.com/v1', kind: 'PrometheusRule'}\n"},
    "generated ConfigMaps": {
        "kustomization.yaml": _kustomization("configMapGenerator: [{name: c, literals: [a=b]}]\n")
    },
    "validators": {"kustomization.yaml": _kustomization("validators: [v.yaml]\n"), "v.yaml": "{}\n"},
    "transformer of images": {
        "kustomization.yaml": _kustomization("transformers: [t.yaml]\n"),
        "t.yaml": "apiVersion: builtin\nkind: ImageTagTransformer\nmetadata: {name: t}\n",
    },
    "replacement of an annotation": {
        "kustomization.yaml": _kustomization(
            "replacements: [{source: {kind: Deployment, name: web}, targets: [{select: {kind: Deployment},"
            " fieldPaths: [metadata.annotations.x]}]}]\n"
        )
    },
    "Secrets that are not there": {
        "kustomization.yaml": _kustomization("").replace(
            "]", ", app/secret.sops.yaml, app/secret.yaml, externalsecret.yaml, smtp-external-secret.yaml, secrets.yml]"
        )
    },
    "remote definitions of kinds": {
        "kustomization.yaml": _kustomization("").replace(
            "]",
            ", 'https://github.com/kubernetes-sigs/gateway-api/releases/download/v1.3.0/standard-install.yaml',"
            " 'https://raw.githubusercontent.com/x/y/v1/deploy/crds/all-crds.yaml',"
            " 'https://github.com/x/y//client/config/crd?ref=v8.2.0']",
        )
    },
    "patch of a ConfigMap that is not there": {
        "kustomization.yaml": _kustomization("patches: [{path: gone.yaml, target: {kind: ConfigMap}}]\n")
    },
    "another label of Kyverno": {
        "k.yaml": kyverno({"mutate": {"patchStrategicMerge": {"metadata": {"labels": {"team": "x"}}}}})
    },
    "ConfigMap of Kyverno": {
        "k.yaml": kyverno({"generate": {"apiVersion": "v1", "kind": "ConfigMap", "name": "c", "namespace": "shop"}})
    },
    "NetworkPolicy of Kyverno": {
        "k.yaml": kyverno({"generate": {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "name": "n"}})
    },
    "webhook for certificates": {"w.yaml": webhook("cert-manager.io", "certificates")},
    "webhook that only refuses": {"w.yaml": webhook("", "pods", kind="Validating")},
    "webhook of Kyverno": {"w.yaml": webhook("*", "*", name="kyverno-resource")},
    "sidecars of Istio": {"w.yaml": webhook("", "pods", name="istio-sidecar-injector")},
    "excluded ConfigMap": {
        "cnpfix.toml": 'exclude = ["shop/tools/**"]\n',
        "shop/tools/c.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: shop}\n",
    },
    "submodule that is checked out": {
        ".gitmodules": '[submodule "a"]\n\tpath = shop/more\n\turl = https://x\n',
        "shop/more/s.yaml": deployment("other", "shop"),
    },
    "folder that is linked twice": {"shop/more": Link("../common"), "common/s.yaml": deployment("other", "games")},
    "symlink to itself": {"shop/more": Link("more")},
    "file outside that is not there": {"shop/more": Link("../../elsewhere/notes.txt")},
    "editor's lock": {"shop/.#web.yaml": Link("someone@host.1234")},
}
_INERT: dict[str, Files] = {
    f"{kind} of {api}": {"shop/x.yaml": resource(api, kind, {"size": 1})}
    for api, kinds in {
        "argoproj.io/v1alpha1": "AppProject",
        "autoscaling/v2": "HorizontalPodAutoscaler",
        "cert-manager.io/v1": "Certificate",
        "gateway.networking.k8s.io/v1": "Gateway HTTPRoute",
        "grafana.integreatly.org/v1beta1": "GrafanaDashboard",
        "k8s.mariadb.com/v1alpha1": "Database",
        "kafka.strimzi.io/v1beta2": "KafkaTopic",
        "keda.sh/v1alpha1": "ScaledObject",
        "networking.istio.io/v1": "Gateway VirtualService",
        "postgresql.cnpg.io/v1": "Cluster",
        "source.toolkit.fluxcd.io/v1": "HelmRepository",
        "velero.io/v1": "Schedule",
    }.items()
    for kind in kinds.split()
}
CLEAR = _CLEAR | _INERT | programs.CLEAR | scripts.CLEAR
