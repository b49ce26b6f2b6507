"""What stands between a policy and the cluster: `HELD` may change its rules, `FREE` cannot.

The base is a policy whose first rule lets in `cluster`, which a fix widens to another cluster of the mesh by a rule put
in behind it, and whose second lets in `world`, which most of `HELD` remove by its index.
"""

from __future__ import annotations

import json

from tests.closed_world.manifests import Files, Link, deployment, kyverno, resource, webhook

CONFIG = (
    '[[clusters]]\nname = "east"\nlocal = ["east/**"]\n[[clusters]]\nname = "west"\nlocal = ["west/**"]\n'
    '[passes.cluster-entity]\nremote = ["west"]\n'
)
POLICY = """apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata:
  name: web
  namespace: shop
  labels: {team: shop}
spec:
  endpointSelector:
    matchLabels:
      app: web
  ingress:
    - fromEntities:
        - cluster
    # until the new front end is there
    - fromEntities:
        - world
"""
_KUSTOMIZATION = "kind: Kustomization\nresources: [web.yaml, policy.yaml]\n"
BASE: Files = {
    "cnpfix.toml": CONFIG,
    "east/web.yaml": deployment("web", "shop", port=8080),
    "east/policy.yaml": POLICY,
    "east/kustomization.yaml": _KUSTOMIZATION,
}
_REMOVE = '[{"op": "remove", "path": "/spec/ingress/1"}]'
_CNP = "{kind: CiliumNetworkPolicy}"
_TEAM = "[metadata.labels.team]"
_BY_TEAM = "{kind: CiliumNetworkPolicy, labelSelector: team=Deployment}"
_NOTED = "{kind: CiliumNetworkPolicy, annotationSelector: reach=wide}"
_SOURCE = "source: {kind: Deployment, name: web, fieldPath: kind}"


def _with(more: str, files: Files | None = None) -> Files:
    return {"east/kustomization.yaml": _KUSTOMIZATION + more, **(files or {})}


def _patch(target: str, patch: str = _REMOVE) -> str:
    return f"patches:\n- target: {target}\n  patch: |-\n    {patch}\n"


def _merge(more: str) -> str:
    head = "apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy"
    return f"patches:\n- patch: '{{{head}, {more}}}'\n"


_ITSELF = "metadata: {name: web, namespace: shop}"
_LABELLED = "metadata: {name: web, namespace: shop, labels: {a: b}}"


def _transformer(kind: str, more: str) -> Files:
    text = f"apiVersion: builtin\nkind: {kind}\nmetadata: {{name: t}}\n{more}"
    return _with("transformers: [t.yaml]\n", {"east/t.yaml": text})


def _replacement(targets: str) -> str:
    return f"replacements:\n- {_SOURCE}\n  targets: {targets}\n"


def _component(more: str) -> str:
    return f"apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n{more}"


#: Those that kustomize itself builds.
_KEY = "x-kubernetes-patch-merge-key"
_DESCRIBED = f"{_ITSELF}, spec: {{description: x}}"
_REFUSED = "`replacements` of east/kustomization.yaml:1 name its"


def _schema(kind: str, join: str) -> str:
    """A schema that says how a merge joins the rules of a kind."""
    rules = {"type": "array", "items": {"type": "object"}, **({join: "description"} if join else {})}
    spec = {"type": "object", "properties": {"ingress": rules}}
    named = [{"group": "cilium.io", "kind": kind, "version": "v2"}]
    made = {"type": "object", "properties": {"spec": spec}, "x-kubernetes-group-version-kind": named}
    return json.dumps({"definitions": {f"io.cilium.v2.{kind}": made}})


def _under_schema(kind: str, join: str, merge: str) -> Files:
    return _with(f"openapi: {{path: s.json}}\n{_merge(merge)}", {"east/s.json": _schema(kind, join)})


BUILT_HELD: dict[str, Files] = {
    "patch by kind": _with(_patch(_CNP)),
    "patch by pattern": _with(_patch("{kind: Cilium.*, name: 'w[e]b'}")),
    "patch by group": _with(_patch("{group: cilium.io}")),
    "patch by labels": _with(_patch("{labelSelector: 'team in (shop,other)'}")),
    "patch in a file": _with(
        f"patches: [{{path: p.yaml, target: {_CNP}}}]\n", {"east/p.yaml": "- op: remove\n  path: /spec/ingress/1\n"}
    ),
    "patch in JSON": _with(
        f"patches: [{{path: p.json, target: {_CNP}}}]\n",
        {"east/p.json": _REMOVE},
    ),
    "patchesJson6902": _with(
        "patchesJson6902: [{path: p.yaml, target: {group: cilium.io, version: v2, kind: CiliumNetworkPolicy,"
        " name: web}}]\n",
        {"east/p.yaml": "- op: remove\n  path: /spec/ingress/1\n"},
    ),
    "merge that deletes": _with(_merge(f"{_ITSELF}, $patch: delete")),
    "merge of rules": _with(_merge(f"{_ITSELF}, spec: {{ingress: [{{fromEntities: [host]}}]}}")),
    "patch transformer": _transformer("PatchTransformer", f"patch: '{_REMOVE}'\ntarget: {_CNP}\n"),
    "patch transformer with a file": {
        **_transformer("PatchTransformer", f"path: p.yaml\ntarget: {_CNP}\n"),
        "east/p.yaml": "- op: remove\n  path: /spec/ingress/1\n",
    },
    "transformer in a folder": _with(
        "transformers: [t]\n",
        {
            "east/t/kustomization.yaml": "resources: [t.yaml]\n",
            "east/t/t.yaml": "apiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: t}\n"
            f"patch: '{_REMOVE}'\ntarget: {_CNP}\n",
        },
    ),
    "labels in the rules": _transformer(
        "LabelTransformer",
        "labels: {a: b}\nfieldSpecs: [{path: spec/endpointSelector/matchLabels, kind: CiliumNetworkPolicy}]\n",
    ),
    "replacement of a label": _with(
        _replacement(f"[{{select: {_CNP}, fieldPaths: [spec.endpointSelector.matchLabels.app]}}]")
    ),
    "replacement of every rule": _with(
        _replacement("[{select: {kind: CiliumNetworkPolicy}, fieldPaths: ['spec.ingress.*.fromEntities.0']}]")
    ),
    "replacement that makes an entity": _with(
        _replacement(f"[{{select: {_CNP}, fieldPaths: [spec.ingress.0.fromEntities.1], options: {{create: true}}}}]")
    ),
    "replacement that makes a rule": _with(
        _replacement(f"[{{select: {_CNP}, fieldPaths: [spec.ingress.2.fromEntities.0], options: {{create: true}}}}]")
    ),
    "replacement of what has a text in it": _with(
        _replacement(f"[{{select: {_CNP}, fieldPaths: ['spec.ingress.[fromEntities=orl].fromEntities.0']}}]")
    ),
    "replacement in a file": _with(
        "replacements: [{path: r.yaml}]\n",
        {"east/r.yaml": f"{_SOURCE}\ntargets: [{{select: {_CNP}, fieldPaths: [spec.ingress.1.fromEntities.0]}}]\n"},
    ),
    "component": _with("components: [c]\n", {"east/c/kustomization.yaml": _component(_patch(_CNP))}),
    "labels of a configuration": _with(
        "configurations: [c.yaml]\ncommonLabels: {a: b}\n",
        {"east/c.yaml": "commonLabels: [{path: spec/endpointSelector/matchLabels, kind: CiliumNetworkPolicy}]\n"},
    ),
    "overlay": {"over/kustomization.yaml": f"resources: [../east]\n{_patch(_CNP)}"},
    "replacement that rejects another": _with(
        _replacement(f"[{{select: {_CNP}, reject: [{{name: other}}], fieldPaths: [spec.ingress.1.fromEntities.0]}}]")
    ),
    "replacement transformer": _transformer(
        "ReplacementTransformer",
        _replacement(f"[{{select: {_CNP}, fieldPaths: [spec.ingress.1.fromEntities.0]}}]"),
    ),
    "transformer in place": _with(
        "transformers:\n- |-\n  apiVersion: builtin\n  kind: PatchJson6902Transformer\n  metadata: {name: t}\n"
        "  target: {group: cilium.io, version: v2, kind: CiliumNetworkPolicy, name: web, namespace: shop}\n"
        f"  jsonOp: '{_REMOVE}'\n"
    ),
    "transformer that adds to a value": _transformer(
        "ValueAddTransformer",
        f"value: all\ntargets: [{{selector: {_CNP}, fieldPath: spec/endpointSelector/matchLabels/app}}]\n",
    ),
    "prefix of a configuration": _with(
        "namePrefix: a-\nconfigurations: [c.yaml]\n",
        {"east/c.yaml": "namePrefix: [{path: spec/endpointSelector/matchLabels/app, kind: CiliumNetworkPolicy}]\n"},
    ),
    "name references of a configuration": _with(
        "namePrefix: a-\nconfigurations: [c.yaml]\n",
        {
            "east/c.yaml": "nameReference: [{kind: Deployment, group: apps, fieldSpecs: [{kind: CiliumNetworkPolicy,"
            " path: spec/endpointSelector/matchLabels/app}]}]\n"
        },
    ),
    "variable in a field of a configuration": _with(
        "configurations: [c.yaml]\nvars: [{name: E, objref: {kind: Deployment, name: web, apiVersion: apps/v1}}]\n",
        {
            "east/c.yaml": "varReference: [{path: spec/endpointSelector/matchLabels/app, kind: CiliumNetworkPolicy}]\n",
            "east/policy.yaml": POLICY.replace("app: web", "app: $(E)"),
        },
    ),
    "patch by a label that is absent": _with(_patch("{kind: CiliumNetworkPolicy, labelSelector: '!absent'}")),
    "patch by annotations of the base": {
        **_with("commonAnnotations: {reach: wide}\n"),
        "over/kustomization.yaml": f"resources: [../east]\n{_patch(_NOTED)}",
    },
    "patch by a label that a component's replacement writes": {
        **_with(
            "components: [c]\n",
            {"east/c/kustomization.yaml": _component(_replacement(f"[{{select: {_CNP}, fieldPaths: {_TEAM}}}]"))},
        ),
        "over/kustomization.yaml": f"resources: [../east]\n{_patch(_BY_TEAM)}",
    },
    "patch by a label that a replacement by a pattern writes": {
        **_with(_replacement(f"[{{select: {{kind: 'Cilium.*'}}, fieldPaths: {_TEAM}}}]")),
        "over/kustomization.yaml": f"resources: [../east]\n{_patch(_BY_TEAM)}",
    },
    "patch by annotations of a transformer": {
        **_transformer(
            "AnnotationsTransformer",
            "annotations: {reach: wide}\nfieldSpecs: [{path: metadata/annotations, create: true}]\n",
        ),
        "over/kustomization.yaml": f"resources: [../east]\n{_patch(_NOTED)}",
    },
    "one overlay of two": {
        "over/kustomization.yaml": f"resources: [../east]\n{_patch(_CNP)}",
        "other/kustomization.yaml": "resources: [../east]\n",
    },
}
BUILT_FREE: dict[str, Files] = {
    "replacement of a field that is made": _with(
        _replacement(f"[{{select: {_CNP}, fieldPaths: [metadata.annotations.x], options: {{create: true}}}}]")
    ),
    "replacement of a label that is there": _with(
        _replacement(f"[{{select: {_CNP}, fieldPaths: [metadata.labels.team]}}]")
    ),
    "schema of another kind": _under_schema("Gadget", _KEY, _LABELLED),
    "schema that joins no lists": _under_schema("CiliumNetworkPolicy", "", _LABELLED),
    "merge into metadata under a schema": _under_schema("CiliumNetworkPolicy", _KEY, _LABELLED),
    "nothing": {},
    "patch of another kind": _with(
        _patch("{kind: Deployment}", '[{"op": "add", "path": "/spec/replicas", "value": 2}]')
    ),
    "patch of another name": _with(_patch("{kind: CiliumNetworkPolicy, name: other}")),
    "patch by other labels": _with(_patch("{labelSelector: team=other}")),
    "patch by annotations": _with(_patch("{annotationSelector: a=b}")),
    "patch of metadata": _with(_patch(_CNP, '[{"op": "add", "path": "/metadata/labels/x", "value": "y"}]')),
    "merge of metadata": _with(_merge("metadata: {name: web, namespace: shop, annotations: {a: b}}")),
    "transformer of labels": _transformer(
        "LabelTransformer", "labels: {a: b}\nfieldSpecs: [{path: metadata/labels, create: true}]\n"
    ),
    "transformer of names": _transformer("PrefixTransformer", "prefix: a-\nfieldSpecs: [{path: metadata/name}]\n"),
    "transformer of annotations": _transformer(
        "AnnotationsTransformer", "annotations: {a: b}\nfieldSpecs: [{path: metadata/annotations, create: true}]\n"
    ),
    "transformer that patches another kind": _transformer(
        "PatchTransformer",
        'patch: \'[{"op": "add", "path": "/spec/replicas", "value": 3}]\'\ntarget: {kind: Deployment}\n',
    ),
    "replacement in another kind": _with(
        _replacement("[{select: {kind: Deployment}, fieldPaths: [metadata.annotations.x], options: {create: true}}]")
    ),
    "replacement that takes the name of the policy": _with(
        "replacements:\n- source: {kind: CiliumNetworkPolicy, fieldPath: metadata.name}\n  targets: [{select: {kind:"
        " Deployment}, fieldPaths: [metadata.annotations.x], options: {create: true}}]\n"
    ),
    "replacement that rejects the policy": _with(
        _replacement(f"[{{select: {_CNP}, reject: [{{name: web}}], fieldPaths: [spec.ingress.1.fromEntities.0]}}]")
    ),
    "replacement of a part of an annotation": _with(
        _replacement(
            f"[{{select: {_CNP}, fieldPaths: [metadata.annotations.a], options: {{delimiter: /, index: 1,"
            " create: true}}]"
        )
    ),
    "patch by a part of the name": _with(_patch("{kind: CiliumNetworkPolicy, name: we}")),
    "patch by a label that is not this": _with(_patch("{kind: CiliumNetworkPolicy, labelSelector: 'team!=shop'}")),
    "schema": _with("openapi: {path: s.json}\n", {"east/s.json": "{}"}),
    "notes of the build": _with("buildMetadata: [managedByLabel, originAnnotations, transformerAnnotations]\n"),
    "order": _with("sortOptions: {order: legacy}\ngeneratorOptions: {disableNameSuffixHash: true}\n"),
    "unused variable": _with(
        "vars: [{name: E, objref: {kind: Deployment, name: web, apiVersion: apps/v1}}]\n",
    ),
    "labels": _with("labels: [{pairs: {a: b}}]\n"),
    "common labels": _with("commonLabels: {a: b}\n"),
    "namespace": _with("namespace: shop\n"),
    "names": _with("namePrefix: a-\nnameSuffix: -z\n"),
    "images and replicas": _with("images: [{name: a, newTag: b}]\nreplicas: [{name: web, count: 3}]\n"),
    "generated ConfigMaps": _with("configMapGenerator: [{name: c, literals: [a=b]}]\n"),
    "component that nothing lists": {"comp/kustomization.yaml": _component(_patch(_CNP))},
}


def _flux(more: str) -> Files:
    return {
        "flux/east.yaml": "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n"
        "metadata: {name: east, namespace: flux-system}\nspec:\n  path: ./east\n"
        f"  sourceRef: {{kind: GitRepository, name: flux-system}}\n{more}"
    }


_PATCHES = f"patches: [{{target: {_CNP}, patch: '{_REMOVE}'}}]"
_REPOSITORY = "repoURL: https://git.example.com/p/c.git, targetRevision: main"


def _argo(more: str = "") -> Files:
    return {
        "argocd/east.yaml": "apiVersion: argoproj.io/v1alpha1\nkind: Application\n"
        f"metadata: {{name: east, namespace: argocd}}\nspec:\n  source: {{{_REPOSITORY}, path: east{more}}}\n"
        "  destination: {server: 'https://kubernetes.default.svc', namespace: shop}\n"
    }


def _discovering(discover: str, program: str = "lovely") -> str:
    return (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cmp, namespace: argocd}\ndata:\n  plugin.yaml: |\n"
        "    apiVersion: argoproj.io/v1alpha1\n    kind: ConfigManagementPlugin\n    metadata: {name: lovely}\n"
        f"    spec:\n      generate: {{command: [{program}, generate, ./]}}\n      discover: {{{discover}}}\n"
    )


def _set(source: str, more: str = "", generator: str = "{list: {elements: [{name: east}]}}") -> Files:
    return {
        "argocd/all.yaml": "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\n"
        f"metadata: {{name: all, namespace: argocd}}\nspec:\n  generators: [{generator}]\n{more}"
        f"  template:\n    metadata: {{name: '{{{{name}}}}'}}\n    spec:\n      source: {{{_REPOSITORY}, {source}}}\n"
        "      destination: {name: '{{name}}', namespace: shop}\n"
    }


_OPEN = "{clusters: {}}"


def _release(renderers: str) -> Files:
    values = "".join(
        ("    - " if number == 0 else "      ") + line for number, line in enumerate(POLICY.splitlines(True))
    )
    return {
        "east/policy.yaml": "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\n"
        "metadata: {name: web, namespace: shop}\nspec:\n"
        "  chart: {spec: {chart: redis, sourceRef: {kind: HelmRepository, name: b}}}\n"
        f"{renderers}  values:\n    extraObjects:\n{values}"
    }


def _renderer(target: str) -> str:
    return f"  postRenderers: [{{kustomize: {{patches: [{{target: {{kind: {target}}}, patch: '{_REMOVE}'}}]}}}}]\n"


def _override(kind: str, path: str) -> str:
    overriders = {"plaintext": [{"path": path, "operator": "remove"}]}
    spec = {"resourceSelectors": [{"kind": kind}], "overrideRules": [{"overriders": overriders}]}
    return resource("policy.karmada.io/v1alpha1", "ClusterOverridePolicy", spec, namespace=None)


_EMPTIED: dict[str, object] = {"mutate": {"patchStrategicMerge": {"spec": {"ingress": []}}}}
_EACH = {
    "list": "request.object.spec.ingress",
    "patchesJson6902": "- {op: remove, path: /spec/ingress/{{elementIndex}}}",
}
_RULES = {"apiGroups": ["cilium.io"], "apiVersions": ["v2"], "resources": ["ciliumnetworkpolicies"]}


def _written(what: str) -> Files:
    """The policy with something more in its first rule."""
    return {"east/policy.yaml": POLICY.replace("        - cluster\n", f"        - cluster\n      {what}\n")}


def _copying(source: str, target: str) -> Files:
    return _with(f"replacements:\n- source: {source}\n  targets: [{target}]\n")


_FROM_RULES = "{kind: CiliumNetworkPolicy, name: web, fieldPath: spec.ingress.1.fromEntities.0}"
_INTO_NOTES = "{select: {kind: Deployment}, fieldPaths: [metadata.annotations.x], options: {create: true}}"
_COPIES = (
    "`replacements` of east/kustomization.yaml:1 write a part of it into other objects, so that a fix here changes"
)

#: By name: the files, and words that the finding has to say.
HELD: dict[str, tuple[Files, str]] = {
    "replacement of a field that is not there": (
        _with(_replacement(f"[{{select: {_CNP}, fieldPaths: [spec.egress]}}]")),
        f"{_REFUSED} spec.egress, which is not there: kustomize fails",
    ),
    "replacement of a rule that is not there": (
        _with(_replacement(f"[{{select: {_CNP}, fieldPaths: [spec.ingress.7.fromEntities.0]}}]")),
        f"{_REFUSED} spec.ingress.7.fromEntities.0, which is not there: kustomize fails",
    ),
    "merge whose lists a schema joins": (
        _under_schema("CiliumNetworkPolicy", _KEY, _DESCRIBED),
        "a patch of east/kustomization.yaml:1 (a schema of `openapi` says which lists it joins) that cannot be read",
    ),
    "merge whose lists a schema that is not here may join": (
        _with(f"openapi: {{path: s.json}}\n{_merge(_DESCRIBED)}"),
        "(a schema of `openapi` says which lists it joins)",
    ),
    "replacement that takes an entity by its place": (_copying(_FROM_RULES, _INTO_NOTES), _COPIES),
    "replacement that copies all rules": (
        _copying(
            "{kind: CiliumNetworkPolicy, fieldPath: spec.ingress}",
            "{select: {kind: CiliumNetworkPolicy, name: other}, fieldPaths: [spec.ingress]}",
        ),
        _COPIES,
    ),
    "replacement in a file that takes an entity": (
        _with(
            "replacements: [{path: r.yaml}]\n", {"east/r.yaml": f"source: {_FROM_RULES}\ntargets: [{_INTO_NOTES}]\n"}
        ),
        _COPIES,
    ),
    "variable that takes an entity": (
        _with(
            "vars: [{name: E, objref: {apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, name: web},"
            " fieldref: {fieldpath: 'spec.ingress[1].fromEntities[0]'}}]\n"
        ),
        "`vars` of east/kustomization.yaml:1 write a part of it into other objects",
    ),
    "placeholder for all ports": (_written("toPorts: ${PORTS}"), "${PORTS} stands for a part of the policy"),
    "placeholder for a port": (_written('toPorts: [{ports: ["${PORT}"]}]'), "${PORT} stands for"),
    "placeholder for an ICMP type": (_written('icmps: [{fields: ["${TYPE}"]}]'), "${TYPE} stands for"),
    "placeholder for an end": (_written("toPorts: [{ports: [{port: '1', endPort: '${LAST}'}]}]"), "${LAST} stands for"),
    "patch that is not there": (_with(f"patches: [{{path: gone.yaml, target: {_CNP}}}]\n"), "kustomization.yaml"),
    "patch that does not parse": (
        _with(f"patches: [{{path: p.yaml, target: {_CNP}}}]\n", {"east/p.yaml": "- op: [\n"}),
        "p.yaml",
    ),
    "patch with a template for its kind": (_with(_patch("{kind: '{{ .Kind }}'}")), "kustomization.yaml"),
    "plugin": (_with("transformers: [t.yaml]\n", {"east/t.yaml": resource("x/v1", "Thing")}), "t.yaml"),
    "transformer that is not there": (_with("transformers: [gone.yaml]\n"), "gone.yaml"),
    "variable": (_with("vars: [{name: E}]\n", {"east/policy.yaml": POLICY.replace("world", "$(E)")}), "vars"),
    "yq in a pipe": (
        {"d.sh": "yq 'del(.spec.ingress[1])' east/policy.yaml \\\n  | kubectl apply -f -\n"},
        "what d.sh:1 does may change it",
    ),
    "yq in a pipeline": (
        {".gitlab-ci.yml": "a:\n  script:\n    - yq -i '.spec.ingress[0].fromEntities += [\"x\"]' east/policy.yaml\n"},
        "what .gitlab-ci.yml:3 does may change it",
    ),
    "sed between a build and kubectl": (
        {"d.sh": "kustomize build east | sed -e 's/- world/- all/' | kubectl apply -f -\n"},
        "`sed` in d.sh:1 may change it",
    ),
    "sed that is no substitution": (
        {"d.sh": "kustomize build east | sed '/world/d' | kubectl apply -f -\n"},
        "`sed` in",
    ),
    "sed with a pattern": (
        {"d.sh": "kubectl kustomize ./east | sed -E 's/wor.*$/x/g' | kubectl apply --filename=-\n"},
        "`sed` in d.sh:1",
    ),
    "awk over lines": (
        {"Makefile": "d:\n\tkustomize build east \\\n\t  | awk '!/world/' \\\n\t  | kubectl apply -f -\n"},
        "`awk` in Makefile:2",
    ),
    "perl on a file": ({"d.sh": "perl -pe 's/world/all/' east/policy.yaml | kubectl apply -f -\n"}, "`perl` in d.sh:1"),
    "yq in a workflow": (
        {
            ".github/workflows/d.yaml": "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n    - run: |\n"
            "        kustomize build east |\n          yq '.spec.a = 1' |\n          kubectl apply -f -\n"
        },
        "`yq` in .github/workflows/d.yaml:7",
    ),
    "yq for policies": (
        {"d.sh": "cat east/*.yaml | yq '(select(.kind == \"CiliumNetworkPolicy\")) = {}' | kubectl apply -f -\n"},
        "`yq` in d.sh:1",
    ),
    "own program in a pipe": (
        {"d.sh": "cd east && kustomize build . | ../tools/fix.py | kubectl apply -f -\n"},
        "`fix.py` in d.sh:1",
    ),
    "sed in a substitution": ({"d.sh": "kubectl apply -f <(sed s/world/all/ east/policy.yaml)\n"}, "`sed` in d.sh:1"),
    "sed after a variable": (
        {"d.sh": 'kustomize build "overlays/$ENV" | sed "s/world/$X/" | kubectl apply -f -\n'},
        "`sed` in d.sh:1",
    ),
    "sed in quotes of YAML": (
        {".gitlab-ci.yml": 'a:\n  script:\n    - "kustomize build east | sed -e s/world/all/ | kubectl apply -f -"\n'},
        "`sed` in .gitlab-ci.yml:3",
    ),
    "sed on what an overlay builds": (
        {
            "over/kustomization.yaml": "resources: [../east]\n",
            "d.sh": "kustomize build over | sed 's/world/all/' | kubectl apply -f -\n",
        },
        "`sed` in d.sh:1",
    ),
    "sed on policies of the cluster": (
        {"d.sh": "kubectl get cnp -n shop -o yaml | sed 's/world/all/' | kubectl replace -f -\n"},
        "`sed` in d.sh:1",
    ),
    "kubectl patch": (
        {"d.sh": 'kubectl patch cnp web -n shop --type=json -p \'[{"op": "remove", "path": "/spec/ingress/1"}]\'\n'},
        "what d.sh:1 does may change it",
    ),
    "kubectl patch by the other short name": (
        {"d.sh": "kubectl -n shop patch ciliumnp web --type=json --patch-file p.json\n"},
        "what d.sh:1 does may change it",
    ),
    "sed on the file itself": (
        {"d.sh": "sed -i '/world/d' east/policy.yaml\nkubectl apply -f east/\n"},
        "`sed` in d.sh:1 may change it",
    ),
    "function of kpt": ({"d.sh": "kpt fn eval east --image x/starlark -- source=x\n"}, "`kpt fn eval` in d.sh:1"),
    "patch that a command adds": (
        {"d.sh": "cd east && kustomize edit add patch --kind CiliumNetworkPolicy --path p.yaml\n"},
        "`kustomize edit add patch` in d.sh:1",
    ),
    "kubectl patch with a file": (
        {"Makefile": "d:\n\tkubectl -n shop patch ciliumnetworkpolicy/web --type json --patch-file p.json\n"},
        "what Makefile:2 does may change it",
    ),
    "patch of Ansible": (
        {
            "play.yml": "- hosts: a\n  tasks:\n  - kubernetes.core.k8s_json_patch:\n      kind: CiliumNetworkPolicy\n"
            "      name: web\n      patch: [{op: remove, path: /spec/ingress/1}]\n"
        },
        "what play.yml:3 does may change it",
    ),
    "overlay of ytt": (
        {
            "o.yaml": '#@overlay/match by=overlay.subset({"kind": "CiliumNetworkPolicy"})\n---\nspec:\n  ingress:\n'
            "  #@overlay/match by=overlay.index(1)\n  #@overlay/remove\n  - {}\n"
        },
        "what o.yaml:1 does may change it",
    ),
    "Jsonnet": (
        {
            "m.jsonnet": "local p = std.parseYaml(importstr 'east/policy.yaml')[0];\n"
            "p { spec+: { ingress: [p.spec.ingress[0]] } }\n"
        },
        "what m.jsonnet:2 does may change it",
    ),
    "Terraform": (
        {
            "m.tf": 'locals {\n  p = yamldecode(file("east/policy.yaml"))\n}\nresource "kubernetes_manifest" "p" {\n'
            "  manifest = merge(local.p, {spec = {ingress = slice(local.p.spec.ingress, 0, 1)}})\n}\n"
        },
        "what m.tf:5 does may change it",
    ),
    "Ruby": (
        {"d.rb": "p = YAML.load_file('east/policy.yaml')\np['spec']['ingress'].delete_at(1)\n"},
        "what d.rb:2 does may change it",
    ),
    "text of a file in Terraform": (
        {
            "m.tf": 'resource "kubectl_manifest" "p" {\n'
            '  yaml_body = replace(file("east/policy.yaml"), "world", "all")\n}\n'
        },
        "what m.tf:2 does may change it",
    ),
    "program of cdk8s": (
        {
            "cdk8s.yaml": "language: typescript\napp: x\n",
            "main.ts": "const i = new Include(this, 'x', {url: 'east/policy.yaml'});\n"
            "ApiObject.of(i).addJsonPatch(JsonPatch.remove('/spec/ingress/1'));\n",
        },
        "what main.ts:2 does may change it",
    ),
    "Python": (
        {
            "d.py": "p = yaml.safe_load(open('east/policy.yaml'))\ndel p['spec']['ingress'][1]\n"
            "subprocess.run(['kubectl', 'apply', '-f', '-'], input=yaml.dump(p))\n"
        },
        "what d.py:2 does may change it",
    ),
    "overlay of ytt by kind": (
        {
            "o.yaml": '#@overlay/match by=overlay.subset({"kind": "CiliumNetworkPolicy"})\n---\nspec:\n'
            "  #@overlay/replace\n  ingress: []\n"
        },
        "what o.yaml:1 does may change it",
    ),
    "override of Karmada": (
        {"k.yaml": _override("CiliumNetworkPolicy", "/spec/ingress/1")},
        "ClusterOverridePolicy x (Karmada), k.yaml",
    ),
    "patch of Sveltos": (
        {
            "k.yaml": resource(
                "config.projectsveltos.io/v1beta1",
                "ClusterProfile",
                {"patches": [{"target": {"kind": "CiliumNetworkPolicy"}, "patch": _REMOVE}]},
                namespace=None,
            )
        },
        "ClusterProfile x (Sveltos), k.yaml",
    ),
    "overlay of Rancher Fleet": (
        {"east/fleet.yaml": "targetCustomizations:\n- {name: a, yaml: {overlays: [a]}}\n"},
        "an overlay of east/fleet.yaml may change it",
    ),
    "folder by a symlink": (
        {
            "z/east": Link("../east"),
            "z/kustomization.yaml": f"resources: [east]\n{_patch(_CNP)}",
        },
        "z/kustomization.yaml",
    ),
    "symlink in a folder that Flux applies with a component": (
        {
            **_flux(""),
            "linked/policy.yaml": Link("../east/policy.yaml"),
            "flux/linked.yaml": str(_flux("  components: [../gone]\n")["flux/east.yaml"]).replace("./east", "./linked"),
        },
        "component ../gone of flux/linked.yaml",
    ),
    "remote component": (_with("components: ['https://github.com/x/y//c?ref=v1']\n"), "github.com/x/y"),
    "kustomization that does not parse": (_with("patches: [\n"), "east/kustomization.yaml"),
    "kustomization that is a template": (_with("{{ if .x }}\npatches: []\n{{ end }}\n"), "east/kustomization.yaml"),
    "overlay that does not parse": (
        {"over/kustomization.yaml": "resources:\n- ../east\npatches: [\n"},
        "over/kustomization.yaml",
    ),
    "patch of Flux": (_flux(f"  {_PATCHES}\n"), "flux/east.yaml"),
    "component of Flux": (
        {**_flux("  components: [../c]\n"), "c/kustomization.yaml": _component(_patch(_CNP))},
        "c/kustomization.yaml",
    ),
    "component of Flux that is not there": (_flux("  components: [../gone]\n"), "gone"),
    "transform of Skaffold": (
        {
            "skaffold.yaml": "apiVersion: skaffold/v4beta6\nkind: Config\nmanifests:\n  kustomize: {paths: [east]}\n"
            "  transform:\n  - name: set-labels\n    configMap: ['a:b']\n"
        },
        "`transform` of skaffold.yaml may change it",
    ),
    "plugin of Argo CD that finds its folders": (
        {**_argo(), "argocd/plugin.yaml": _discovering("find: {glob: '**/policy.yaml'}")},
        "plugin lovely of Argo CD, argocd/plugin.yaml, which may take Application east, may change it",
    ),
    "plugin of Argo CD by a file": ({**_argo(), "argocd/p.yaml": _discovering("fileName: ./*.yaml")}, "plugin lovely"),
    "plugin of Argo CD by a command": (
        {**_argo(), "argocd/p.yaml": _discovering("find: {command: [sh, -c, find .]}")},
        "plugin lovely of Argo CD",
    ),
    "plugin in the values of Argo CD's chart": (
        {
            **_argo(),
            "argocd/values.yaml": "configs:\n  cmp:\n    create: true\n    plugins:\n      own:\n"
            "        generate: {command: [a]}\n        discover: {find: {glob: '*.yaml'}}\n",
        },
        "plugin own of Argo CD, argocd/values.yaml",
    ),
    "plugin of Argo CD that fills in": (
        {
            **_argo(),
            "argocd/p.yaml": _discovering("find: {command: [sh]}", "argocd-vault-plugin"),
            "east/policy.yaml": POLICY.replace("- world", "- <path:secret/data/x#entity>"),
        },
        "plugin lovely of Argo CD",
    ),
    "plugin of Argo CD": (_argo(", plugin: {name: p}"), "argocd/east.yaml"),
    "patch of Argo CD": (_argo(f", kustomize: {{{_PATCHES}}}"), "argocd/east.yaml"),
    "patch of Argo CD's hydrator": (
        {
            "argocd/east.yaml": str(_argo(f", kustomize: {{{_PATCHES}}}")["argocd/east.yaml"])
            .replace("source: {", "sourceHydrator: {drySource: {")
            .replace("}}\n  destination", "}}}\n  destination")
        },
        "argocd/east.yaml",
    ),
    "templatePatch": (
        _set("path: '{{name}}'", "  templatePatch: '{spec: {source: {kustomize: {{ if .x }}{}{{ end }}}}}'\n"),
        "templatePatch of ApplicationSet all, argocd/all.yaml",
    ),
    "patch of a templatePatch": (
        _set("path: '{{name}}'", f"  templatePatch: |\n    {{spec: {{source: {{kustomize: {{{_PATCHES}}}}}}}}}\n"),
        "argocd/all.yaml",
    ),
    "patch of unknown Applications": (
        _set(f"path: east, kustomize: {{{_PATCHES}}}", generator=_OPEN),
        "argocd/all.yaml",
    ),
    "patch of unknown folders": (
        _set(f"path: '{{{{name}}}}', kustomize: {{{_PATCHES}}}", generator=_OPEN),
        "argocd/all.yaml",
    ),
    "plugin of unknown Applications": (_set("path: east, plugin: {name: p}", generator=_OPEN), "argocd/all.yaml"),
    "post-renderer": (_release(_renderer("CiliumNetworkPolicy")), "postRenderers of HelmRelease web"),
    "Kyverno by kind": ({"k.yaml": kyverno(_EMPTIED, ["CiliumNetworkPolicy"])}, "k.yaml"),
    "Kyverno by group": ({"k.yaml": kyverno(_EMPTIED, ["cilium.io/v2/*"])}, "k.yaml"),
    "Kyverno for each rule": ({"k.yaml": kyverno({"mutate": {"foreach": [_EACH]}}, ["CiliumNetworkPolicy"])}, "k.yaml"),
    "Gatekeeper": (
        {
            "g.yaml": resource(
                "mutations.gatekeeper.sh/v1",
                "ModifySet",
                {"applyTo": [{"kinds": ["CiliumNetworkPolicy"]}], "location": "spec.ingress"},
                namespace=None,
            )
        },
        "g.yaml",
    ),
    "MutatingAdmissionPolicy": (
        {
            "m.yaml": resource(
                "admissionregistration.k8s.io/v1",
                "MutatingAdmissionPolicy",
                {
                    "matchConstraints": {"resourceRules": [_RULES]},
                    "mutations": [{"jsonPatch": {"expression": '[JSONPatch{op: "remove", path: "/spec/ingress/1"}]'}}],
                },
                namespace=None,
            )
        },
        "m.yaml",
    ),
    "webhook": ({"w.yaml": webhook("cilium.io", "ciliumnetworkpolicies")}, "w.yaml"),
    "webhook for every resource": ({"w.yaml": webhook("*", "*")}, "w.yaml"),
    "pipeline of kpt": (
        {"east/Kptfile": "apiVersion: kpt.dev/v1\nkind: Kptfile\nmetadata: {name: x}\npipeline: {mutators: [{}]}\n"},
        "east/Kptfile",
    ),
}
FREE: dict[str, Files] = {
    "placeholder for the number of a port": _written("toPorts: [{ports: [{port: '${PORT}'}]}]"),
    "sed of images": {"d.sh": 'kustomize build east | sed "s|IMAGE_TAG|$TAG|g" | kubectl apply -f -\n'},
    "sed of another text": {
        "d.sh": "kustomize build east | sed -e 's/example\\.com/x.org/; s/aaa/b/' | kubectl apply -f -\n"
    },
    "sed of another folder": {
        "west/a.yaml": "kind: ConfigMap\n",
        "d.sh": "sed 's/world/all/' west/a.yaml | kubectl apply -f -\n",
    },
    "sed on a Secret of the cluster": {
        "d.sh": "kubectl get secret x -o yaml | sed 's/namespace: .*/namespace: shop/' | kubectl apply -f -\n"
    },
    "sed on what a command makes": {
        "d.sh": "kubectl create configmap x --from-file=a -o yaml | sed 's/world/b/' | kubectl apply -f -\n"
        "flux install --export | sed 's/world/b/' | kubectl apply -f -\ncurl https://e.org/a | sed s/world/b/ > x\n"
    },
    "sed that prints": {"d.sh": "kustomize build east | sed 's/world/all/' | kubeconform -strict -\n"},
    "sed in a comment": {"d.sh": "# kustomize build east | sed 's/world/all/' | kubectl apply -f -\n"},
    "sed for names": {"d.sh": "ls east/*.yaml | sed 's/world/x/' | xargs -n 1 kubectl apply -f\n"},
    "what passes manifests on": {
        "d.sh": "kustomize build east | tee out.yaml | kubectl apply -f -\ncat east/a.yaml | envsubst | oc apply -f -\n"
    },
    "yq of images and Deployments": {
        "d.sh": "kustomize build east | yq '(select(.kind == \"Deployment\") | .spec.x) = 1' | kubectl apply -f -\n"
        "kustomize build east | yq '.spec.template.spec.containers[0].image = \"a\"' | kubectl apply -f -\n"
    },
    "sed in a pipeline for tests": {
        ".github/workflows/t.yaml": "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n"
        "    - run: kind create cluster\n    - run: kustomize build east | sed 's/world/all/' | kubectl apply -f -\n"
    },
    "sed on another file itself": {"d.sh": "sed -i '/world/d' other.yaml\nkubectl apply -f east/\n"},
    "sed on the file itself for another text": {
        "d.sh": "sed -i 's/IMAGE_TAG/1/' east/policy.yaml\nkubectl apply -f east/\n"
    },
    "patch for another kind that a command adds": {
        "d.sh": "kustomize edit add patch --kind Deployment --path p.yaml\n"
    },
    "function of kpt in another folder": {
        "d.sh": "kpt fn eval west --image x/starlark\n",
        "west/a.yaml": deployment("a", "shop"),
    },
    "override of Karmada for another kind": {"k.yaml": _override("Deployment", "/spec/replicas")},
    "override of Karmada for metadata": {"k.yaml": _override("CiliumNetworkPolicy", "/metadata/labels/a")},
    "yq of another file": {"d.sh": "yq 'del(.spec.ingress[1])' other.yaml | kubectl apply -f -\n"},
    "yq that reads": {"d.sh": "yq '.metadata.name' east/policy.yaml\nkubectl get cnp web -o yaml\n"},
    "remark on a patch": {"d.sh": "# kubectl patch cnp web --type=json -p x\n"},
    "remark on a patch below a line": {"d.sh": "a=b\n# kubectl patch cnp web --type=json -p /ingress/0\n"},
    "kubectl patch of another kind": {"d.sh": "kubectl patch deployment web -p x; kubectl get cnp\n"},
    "Ingress of another kind in Terraform": {"m.tf": 'resource "x" "y" {\n  a = var.ingress[0]\n}\n'},
    "overlay of ytt by name": {"o.yaml": "#@overlay/match by='name'\n---\nspec: {ingress: []}\n"},
    "patch of another kind that is not there": _with("patches: [{path: gone.yaml, target: {kind: Deployment}}]\n"),
    "replacement by a pattern before a patch of another kind": {
        **_with(_replacement(f"[{{select: {{kind: 'Cilium.*'}}, fieldPaths: {_TEAM}}}]")),
        "over/kustomization.yaml": "resources: [../east]\n"
        + _patch("{kind: Deployment, labelSelector: team=x}", '[{"op": "add", "path": "/spec/replicas", "value": 2}]'),
    },
    "validator": _with("validators: [v.yaml]\n", {"east/v.yaml": resource("x/v1", "Check")}),
    "other kustomization that does not parse": {"other/kustomization.yaml": "resources:\n- ../west\npatches: [\n"},
    "Flux": _flux(""),
    "patch of Flux for another kind": _flux("  patches: [{target: {kind: HelmRelease}, patch: '[]'}]\n"),
    "variables of Flux": _flux("  postBuild: {substitute: {A: b}}\n"),
    "Argo CD": _argo(),
    "plugin of Argo CD that only Applications name": {
        **_argo(),
        "argocd/p.yaml": _discovering("").replace("      discover: {}\n", ""),
    },
    "plugin of Argo CD for other folders": {**_argo(), "argocd/p.yaml": _discovering("find: {glob: '**/Chart.yaml'}")},
    "plugin of Argo CD without Applications": {"argocd/p.yaml": _discovering("find: {command: [sh]}")},
    "plugin of Argo CD beside a tool": {
        **_argo(", kustomize: {namePrefix: a-}"),
        "argocd/p.yaml": _discovering("find: {command: [sh]}"),
    },
    "plugin of Argo CD that fills in nothing": {
        **_argo(),
        "argocd/p.yaml": _discovering("find: {command: [sh]}", "argocd-vault-plugin"),
    },
    "Skaffold that sets annotations": {
        "skaffold.yaml": "apiVersion: skaffold/v4beta6\nkind: Config\nmanifests:\n  kustomize: {paths: [east]}\n"
        "  transform: [{name: set-annotations}]\n"
    },
    "images of Argo CD": _argo(", kustomize: {images: [a=b]}"),
    "set of Applications": _set("path: '{{name}}'"),
    "templatePatch of plain text": _set("path: '{{name}}'", "  templatePatch: '{spec: {source: {kustomize: {}}}}'\n"),
    "templatePatch of the sync policy": _set("path: east", "  templatePatch: '{spec: {syncPolicy: {}}}'\n"),
    "unknown Applications": _set("path: east", generator=_OPEN),
    "patch of unknown Applications of other folders": _set(
        f"path: 'apps/{{{{name}}}}', kustomize: {{{_PATCHES}}}", generator=_OPEN
    ),
    "release": _release(""),
    "post-renderer of another kind": _release(_renderer("Deployment")),
    "Kyverno in metadata": {
        "k.yaml": kyverno({"mutate": {"patchStrategicMerge": {"metadata": {"labels": {"+(x)": "y"}}}}}, ["*"])
    },
    "Kyverno in another namespace": {"k.yaml": kyverno(_EMPTIED, ["CiliumNetworkPolicy"], ["games"])},
    "Kyverno of another kind": {"k.yaml": kyverno(_EMPTIED, ["CiliumClusterwideNetworkPolicy"])},
    "Kyverno that validates": {"k.yaml": kyverno({"validate": {"pattern": {}}}, ["CiliumNetworkPolicy"])},
    "webhook in another namespace": {"w.yaml": webhook("cilium.io", "ciliumnetworkpolicies", namespace="games")},
    "webhook for another kind": {"w.yaml": webhook("networking.k8s.io", "networkpolicies")},
    "webhook of Gatekeeper": {"w.yaml": webhook("*", "*", name="gatekeeper-mutating-webhook")},
    "webhook that only refuses": {"w.yaml": webhook("cilium.io", "ciliumnetworkpolicies", kind="Validating")},
    "kpt": {"east/Kptfile": "apiVersion: kpt.dev/v1\nkind: Kptfile\nmetadata: {name: x}\n"},
}
