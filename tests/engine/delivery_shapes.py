"""Manifests of what brings others to a cluster, changes them or makes more, by the names that their files have."""

from __future__ import annotations

from typing import Any

_PATCH = {
    "target": {"kind": "CiliumNetworkPolicy", "labelSelector": "a=b"},
    "patch": '[{"op": "test", "path": "/spec"}]',
}
_SOURCE = {
    "repoURL": "https://git.example.com/a.git",
    "path": "east",
    "targetRevision": "main",
    "plugin": {"name": "p"},
    "directory": {"recurse": True},
    "kustomize": {"namePrefix": "a-", "commonLabels": {"a": "b"}, "patches": [_PATCH], "components": ["c"]},
}
_DESTINATION = {"server": "https://kubernetes.default.svc", "namespace": "shop"}
_RESOURCES = {"kinds": ["Pod", "cilium.io/v2/*"], "namespaces": ["shop"]}
_MATCH = {"any": [{"resources": _RESOURCES}], "all": [{"resources": _RESOURCES}]}
_HOOK_RULES = [{"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["CREATE"], "resources": ["*"]}]
_MUTATE = {"patchStrategicMerge": {"metadata": {"labels": {"+(a)": "b"}}}, "patchesJson6902": "- {op: test, path: /a}"}

DELIVERY: dict[str, dict[str, Any]] = {
    "kustomization.yaml": {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": "shop",
        "namePrefix": "a-",
        "resources": ["m0.yaml", "https://example.com/a.yaml"],
        "components": ["c"],
        "generators": ["g.yaml"],
        "transformers": ["t.yaml", "apiVersion: builtin\nkind: PatchTransformer\npatch: '[]'\ntarget: {kind: a}\n"],
        "commonLabels": {"a": "b"},
        "labels": [{"pairs": {"a": "b"}, "includeSelectors": True, "fields": [{"path": "spec", "kind": "a"}]}],
        "patches": [_PATCH, {"path": "p.yaml"}],
        "patchesStrategicMerge": ["p.yaml"],
        "patchesJson6902": [{**_PATCH, "path": "p.yaml"}],
        "replacements": [
            {
                "source": {"kind": "ConfigMap", "name": "c", "fieldPath": "data.a"},
                "targets": [{"select": {"kind": "CiliumNetworkPolicy"}, "fieldPaths": ["spec.a"]}],
            },
            {"path": "r.yaml"},
        ],
        "vars": [{"name": "A", "objref": {"kind": "a"}, "fieldref": {"fieldpath": "a"}}],
        "configurations": ["c.yaml"],
        "helmCharts": [{"name": "a", "repo": "https://example.com", "version": "1", "namespace": "shop"}],
    },
    "flux.yaml": {
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "kind": "Kustomization",
        "metadata": {"name": "a", "namespace": "flux-system"},
        "spec": {
            "path": "./",
            "sourceRef": {"kind": "GitRepository", "name": "a", "namespace": "b"},
            "targetNamespace": "shop",
            "patches": [_PATCH],
            "components": ["c"],
            "commonMetadata": {"labels": {"a": "b"}},
            "kubeConfig": {"secretRef": {"name": "a"}},
            "postBuild": {"substitute": {"A": "b"}, "substituteFrom": [{"kind": "ConfigMap", "name": "a"}]},
        },
    },
    "release.yaml": {
        "apiVersion": "helm.toolkit.fluxcd.io/v2",
        "kind": "HelmRelease",
        "metadata": {"name": "a", "namespace": "shop"},
        "spec": {
            "targetNamespace": "shop",
            "chart": {"spec": {"chart": "app-template", "version": "3.0.0", "sourceRef": {"kind": "a", "name": "b"}}},
            "valuesFrom": [{"kind": "ConfigMap", "name": "a", "valuesKey": "b"}],
            "postRenderers": [{"kustomize": {"patches": [_PATCH], "patchesJson6902": [{"patch": [], "target": {}}]}}],
            "values": {
                "controllers": {"main": {"containers": {"main": {"image": {"repository": "a", "tag": "b"}}}}},
                "service": {"main": {"controller": "main", "ports": {"http": {"port": 80}}}},
                "extraObjects": [
                    {
                        "apiVersion": "cilium.io/v2",
                        "kind": "CiliumNetworkPolicy",
                        "metadata": {"name": "a"},
                        "spec": {"endpointSelector": {}, "ingress": [{"fromEntities": ["cluster"]}]},
                    }
                ],
            },
        },
    },
    "application.yaml": {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "a", "namespace": "argocd"},
        "spec": {"project": "a", "source": _SOURCE, "sources": [_SOURCE], "destination": _DESTINATION},
    },
    "set.yaml": {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "ApplicationSet",
        "metadata": {"name": "a", "namespace": "argocd"},
        "spec": {
            "generators": [
                {"list": {"elements": [{"name": "east"}]}, "selector": {}},
                {"git": {"repoURL": _SOURCE["repoURL"], "directories": [{"path": "*"}], "files": [{"path": "*.json"}]}},
                {"clusters": {"selector": {"matchLabels": {"a": "b"}}}},
            ],
            "template": {
                "metadata": {"name": "{{name}}"},
                "spec": {"project": "a", "source": _SOURCE, "destination": {**_DESTINATION, "name": "{{name}}"}},
            },
            "templatePatch": "{spec: {source: {}}}",
        },
    },
    "kyverno.yaml": {
        "apiVersion": "kyverno.io/v1",
        "kind": "ClusterPolicy",
        "metadata": {"name": "a"},
        "spec": {
            "rules": [
                {"name": "a", "match": _MATCH, "mutate": {**_MUTATE, "targets": [{"kind": "a", "namespace": "b"}]}},
                {"name": "b", "match": {"resources": _RESOURCES}, "mutate": {"foreach": [{"list": "a", **_MUTATE}]}},
                {
                    "name": "c",
                    "generate": {
                        "apiVersion": "apps/v1",
                        "kind": "Deployment",
                        "namespace": "shop",
                        "cloneList": {"namespace": "a", "kinds": ["apps/v1/Deployment"]},
                        "foreach": [{"kind": "a", "namespace": "b"}],
                    },
                },
            ]
        },
    },
    "mutating.yaml": {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingAdmissionPolicy",
        "metadata": {"name": "a"},
        "spec": {
            "matchConstraints": {
                "resourceRules": _HOOK_RULES,
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "shop"}},
            },
            "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": "spec labels"}}],
        },
    },
    "assign.yaml": {
        "apiVersion": "mutations.gatekeeper.sh/v1",
        "kind": "Assign",
        "metadata": {"name": "a"},
        "spec": {
            "applyTo": [{"groups": ["cilium.io"], "kinds": ["CiliumNetworkPolicy"], "versions": ["v2"]}],
            "match": {"kinds": [{"apiGroups": ["*"], "kinds": ["Pod"]}], "namespaces": ["shop"]},
            "location": "spec.ingress",
        },
    },
    "webhook.yaml": {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": "a"},
        "webhooks": [
            {
                "name": "a.example.com",
                "clientConfig": {"service": {"name": "a", "namespace": "shop", "port": 443}},
                "rules": _HOOK_RULES,
                "namespaceSelector": {"matchExpressions": [{"key": "a", "operator": "In", "values": ["b"]}]},
            }
        ],
    },
    "gateway.yaml": {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"name": "a", "namespace": "shop"},
        "spec": {
            "gatewayClassName": "cilium",
            "infrastructure": {"labels": {"a": "b"}},
            "addresses": [{"type": "IPAddress", "value": "192.0.2.1"}],
            "listeners": [{"name": "http", "port": 80, "protocol": "HTTP"}],
        },
    },
    "object.yaml": {
        "apiVersion": "kubernetes.crossplane.io/v1alpha2",
        "kind": "Object",
        "metadata": {"name": "a"},
        "spec": {
            "manifest": {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"name": "a", "namespace": "shop"},
                "spec": {"template": {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [{"name": "c"}]}}},
            }
        },
    },
    "helmfile.yaml": {"releases": [{"name": "a", "namespace": "shop", "chart": "b/a", "installed": True}]},
    "Kptfile": {
        "apiVersion": "kpt.dev/v1",
        "kind": "Kptfile",
        "metadata": {"name": "a"},
        "pipeline": {"mutators": [{"image": "a"}]},
    },
}
