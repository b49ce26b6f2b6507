"""What changes policies on their way: what is followed and touches no rule holds nothing, everything else does."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.inventory.support import inventory, kustomization, service, workload

POLICY = """apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: web, namespace: shop, labels: {app: web}}
spec:
  endpointSelector: {matchLabels: {app: web}}
  ingress: [{fromEntities: [cluster]}, {fromEntities: [world]}]
"""
REMOVE = "- {op: remove, path: /spec/ingress/1}\n"
BUILTIN = "apiVersion: builtin\nmetadata: {name: t}\n"
PATCH = BUILTIN + "kind: PatchTransformer\npatch: '[{op: remove, path: /spec/ingress/1}]'\n"
ADD_LABEL = "[{op: add, path: /metadata/labels/team, value: shop}]"
IN_A_LIST = (
    "apiVersion: v1\nkind: List\nitems:\n- apiVersion: cilium.io/v2\n  kind: CiliumNetworkPolicy\n"
    "  metadata: {name: web, namespace: shop}\n  spec: {ingress: [{fromEntities: [host]}]}\n"
)
SELECT = {"kind": "CiliumNetworkPolicy"}


def replaced(select: dict[str, str], path: str) -> dict[str, Any]:
    return {"source": {"kind": "ConfigMap", "name": "a"}, "targets": [{"select": select, "fieldPaths": [path]}]}


def held(fields: dict[str, Any], files: dict[str, str]) -> str:
    tree = {
        "k/kustomization.yaml": kustomization(resources=["p.yaml"], **fields),
        "k/p.yaml": POLICY,
        **{f"k/{name}": text for name, text in files.items()},
    }
    return inventory(tree).changed_on_the_way("k/p.yaml", yaml.safe_load(POLICY))


@pytest.mark.parametrize(
    ("fields", "files", "words"),
    [
        ({"transformers": ["t.yaml"]}, {"t.yaml": PATCH + "target: {kind: CiliumNetworkPolicy}\n"}, "t.yaml"),
        ({"transformers": [PATCH + "target: {name: w.*}\n"]}, {}, "transformers"),
        ({"transformers": [PATCH + "target: {name: (web|api)}\n"]}, {}, "transformers"),
        ({"transformers": [PATCH + "target: {labelSelector: app=web}\n"]}, {}, "transformers"),
        ({"transformers": ["gone.yaml"]}, {}, "gone.yaml"),
        ({"transformers": ["apiVersion: example.com/v1\nkind: Close\nmetadata: {name: t}\n"]}, {}, "transformers"),
        (
            {"transformers": [BUILTIN + "kind: PatchJson6902Transformer\npath: p.json\ntarget: {name: web}\n"]},
            {},
            "transformers",
        ),
        (
            {"transformers": [BUILTIN + "kind: LabelTransformer\nfieldSpecs: [{path: spec/ingress, create: true}]\n"]},
            {},
            "transformers",
        ),
        ({"replacements": [replaced(SELECT, "spec.ingress.1.fromEntities.0")]}, {}, "replacements"),
        ({"replacements": [replaced({"name": "web"}, "spec.egress")]}, {}, "replacements"),
        ({"replacements": [{"path": "r.yaml"}]}, {}, "r.yaml"),
        ({"replacements": [{"path": "r.yaml"}]}, {"r.yaml": yaml.safe_dump([replaced(SELECT, "spec.x")])}, "r.yaml"),
        ({"labels": [{"pairs": {"a": "b"}, "fields": [{"path": "spec/endpointSelector/matchLabels"}]}]}, {}, "labels"),
        ({"configurations": ["c.yaml"]}, {"c.yaml": "commonLabels: [{path: spec/ingress, create: true}]\n"}, "c.yaml"),
        ({"components": ["https://example.com/close"]}, {}, "https://example.com/close"),
        ({"patches": [{"patch": REMOVE.replace("/1", "/7"), "target": SELECT}]}, {}, "kustomization.yaml"),
        ({"patches": [{"patch": "{kind: CiliumNetworkPolicy, metadata: {name: web}, spec: {}}"}]}, {}, "kustomization"),
        ({"patchesStrategicMerge": ["gone.yaml"]}, {}, "cannot be read"),
        ({"patchesStrategicMerge": ["l.yaml"]}, {"l.yaml": IN_A_LIST}, "l.yaml"),
        ({"patches": [{"path": "l.yaml"}]}, {"l.yaml": IN_A_LIST}, "l.yaml"),
    ],
)
def test_what_may_change_the_rules_of_a_policy_holds_it(
    fields: dict[str, Any], files: dict[str, str], words: str
) -> None:
    assert words in held(fields, files)


@pytest.mark.parametrize(
    ("fields", "files"),
    [
        ({"transformers": [PATCH + "target: {kind: Deployment}\n"]}, {}),
        (
            {
                "transformers": [
                    PATCH.replace("[{op: remove, path: /spec/ingress/1}]", ADD_LABEL) + "target: {name: web}\n"
                ]
            },
            {},
        ),
        ({"transformers": [BUILTIN.replace("t}", "t, namespace: shop}") + "kind: NamespaceTransformer\n"]}, {}),
        (
            {
                "transformers": [
                    BUILTIN + "kind: LabelTransformer\nfieldSpecs: [{path: metadata/labels, create: true}]\n"
                ]
            },
            {},
        ),
        (
            {"transformers": [BUILTIN + "kind: PrefixTransformer\nprefix: a-\nfieldSpecs: [{path: metadata/name}]\n"]},
            {},
        ),
        ({"replacements": [replaced({"kind": "Deployment"}, "spec.replicas")]}, {}),
        ({"replacements": [replaced(SELECT, "metadata.labels.team")]}, {}),
        (
            {"configurations": ["c.yaml"]},
            {"c.yaml": "nameReference: [{kind: ConfigMap, fieldSpecs: [{path: spec/v, kind: A}]}]\n"},
        ),
        ({"vars": [{"name": "A"}]}, {}),
        ({"patches": [{"patch": ADD_LABEL, "target": SELECT}]}, {}),
        ({"patches": [{"patch": REMOVE, "target": {"name": "other"}}]}, {}),
    ],
)
def test_what_cannot_change_the_rules_of_a_policy_holds_nothing(fields: dict[str, Any], files: dict[str, str]) -> None:
    assert held(fields, files) == ""


@pytest.mark.parametrize(
    ("kind", "path", "known"),
    [
        ("Service", "spec.ports.0.targetPort", False),
        ("Service", "spec.selector.app", False),
        ("Service", "metadata.annotations.a", True),
        ("Deployment", "spec.template.spec.containers.0.ports.0.containerPort", False),
        ("Deployment", "spec.template.spec.containers.0.image", True),
    ],
)
def test_what_replacements_write_is_no_fact_and_hides(kind: str, path: str, known: bool) -> None:
    name = {"Service": "web", "Deployment": "web"}[kind]
    tree = {
        "kustomization.yaml": kustomization(
            resources=["all.yaml"], replacements=[replaced({"kind": kind, "name": name}, path)]
        ),
        "all.yaml": "---\n".join([service("web", {"app": "web"}, 80, "shop"), workload("web", {"app": "web"}, "shop")]),
    }
    made = inventory(tree)
    facts = made.services("web", "shop") if kind == "Service" else made.workloads_with({"app": "web"})
    reasons = made.completeness("shop", None, "services").reasons
    assert bool(facts) is known
    assert any("all.yaml" in reason and "replacements" in reason for reason in reasons) is not known
