"""What changes objects at admission: which policies it may touch, which labels it may add, and in which namespaces."""

from __future__ import annotations

from typing import Any

import pytest

from rewriter.inventory.delivery.mutations import Mutation, read_mutations
from rewriter.inventory.facts.model import Source
from rewriter.inventory.texts.manifests import Manifest

CNP, CCNP, NP = "CiliumNetworkPolicy", "CiliumClusterwideNetworkPolicy", "NetworkPolicy"
ALL = {CNP, CCNP, NP}
Read = tuple[set[str], set[str], set[str] | None]
#: A rule of Kyverno that changes what it matches.
EMPTIED: dict[str, Any] = {"patchStrategicMerge": {"spec": {"ingress": []}}}
LABELLED = {"patchStrategicMerge": {"metadata": {"labels": {"+(app)": "a", "(tier)": "b"}}}}


def read(api: str, kind: str, spec: Any = None, namespace: str | None = None, **members: Any) -> list[Mutation]:
    metadata = {"name": "m", **({"namespace": namespace} if namespace else {})}
    value = {"apiVersion": api, "kind": kind, "metadata": metadata, "spec": spec, **members}
    return list(read_mutations(Manifest(Source("m.yaml", 1), value)))


def kyverno(mutate: Any, *, kind: str = "ClusterPolicy", namespace: str | None = None, **resources: Any) -> Any:
    rule = {"name": "r", "match": {"any": [{"resources": resources}]}, "mutate": mutate}
    return read("kyverno.io/v1", kind, {"rules": [rule]}, namespace)


def admission(resources: list[str], mutations: Any, groups: tuple[str, ...] = ("*",), **match: Any) -> Any:
    constraints = {"resourceRules": [{"apiGroups": list(groups), "resources": resources}], **match}
    spec = {"matchConstraints": constraints, "mutations": mutations}
    return read("admissionregistration.k8s.io/v1", "MutatingAdmissionPolicy", spec)


def gatekeeper(kind: str, location: str, *kinds: str, **match: Any) -> Any:
    return read(
        "mutations.gatekeeper.sh/v1", kind, {"applyTo": [{"kinds": list(kinds)}], "location": location, **match}
    )


def webhook(name: str, group: str, resource: str, **members: Any) -> Any:
    hook = {"name": name, "rules": [{"apiGroups": [group], "resources": [resource]}], **members}
    return read("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", webhooks=[hook])


_LABELS = [{"applyConfiguration": {"expression": 'Object{metadata: Object.metadata{labels: {"app": "a"}}}'}}]
_REMOVED = [{"jsonPatch": {"expression": '[JSONPatch{op: "remove", path: "/spec/ingress/1"}]'}}]
_SHOP = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "shop"}}}

MUTATIONS: dict[str, tuple[list[Mutation], Read]] = {
    "rules of one kind": (kyverno(EMPTIED, kinds=[CNP]), ({CNP}, set(), None)),
    "rules of a group": (kyverno(EMPTIED, kinds=["cilium.io/v2/*"]), (ALL, set(), None)),
    "rules by group, version and kind": (
        kyverno(EMPTIED, kinds=["networking.k8s.io/v1/NetworkPolicy"]),
        ({NP}, set(), None),
    ),
    "rules of named namespaces": (kyverno(EMPTIED, kinds=[CNP], namespaces=["shop"]), ({CNP}, set(), {"shop"})),
    "namespaces by a pattern": (kyverno(EMPTIED, kinds=[CNP], namespaces=["shop-*"]), ({CNP}, set(), None)),
    "a Policy in its namespace": (
        kyverno(EMPTIED, kinds=[CNP], kind="Policy", namespace="shop"),
        ({CNP}, set(), {"shop"}),
    ),
    "kinds that something fills in": (kyverno(EMPTIED, kinds=["{{ request.kind }}"]), (ALL, set(), None)),
    "labels, conditions left out": (kyverno(LABELLED, kinds=["Pod"]), (set(), {"app"}, None)),
    "labels of templates": (
        kyverno(
            {"patchStrategicMerge": {"spec": {"template": {"metadata": {"labels": {"x": "y"}}}}}}, kinds=["Deployment"]
        ),
        (set(), {"x"}, None),
    ),
    "label in an operation": (
        kyverno({"patchesJson6902": "- {op: add, path: /metadata/labels/a~1b, value: c}"}, kinds=["Pod"]),
        (set(), {"a/b"}, None),
    ),
    "operations that something fills in": (
        kyverno({"patchesJson6902": "- {op: add, path: '/metadata/labels/{{ key }}', value: c}"}, kinds=["Pod"]),
        (set(), {"*"}, None),
    ),
    "merge that is no mapping": (kyverno({"patchStrategicMerge": "{{ x }}"}, kinds=[CNP, "Pod"]), ({CNP}, {"*"}, None)),
    "each of a list": (
        kyverno({"foreach": [{"list": "request.object.spec.ingress", **EMPTIED}]}, kinds=[CNP]),
        ({CNP}, set(), None),
    ),
    "targets": (
        kyverno({"targets": [{"kind": CNP, "namespace": "shop"}], **EMPTIED}, kinds=["ConfigMap"]),
        ({CNP}, set(), {"shop"}),
    ),
    "expression for pods": (admission(["pods"], _LABELS), (set(), {"app", "a", "metadata", "labels"}, None)),
    "expression for rules": (
        admission(["ciliumnetworkpolicies"], _REMOVED, ("cilium.io",), **_SHOP),
        ({CNP}, set(), {"shop"}),
    ),
    "expression that is not known": (admission(["*"], []), (ALL, {"*"}, None)),
    "Gatekeeper for rules": (gatekeeper("ModifySet", "spec.ingress", CNP), ({CNP}, set(), None)),
    "Gatekeeper for a label": (
        gatekeeper("AssignMetadata", 'metadata.labels."x.labels.y/z"', "Pod", match={"namespaces": ["shop"]}),
        (set(), {"x.labels.y/z"}, {"shop"}),
    ),
    "webhook for pods": (webhook("a.example.com", "", "pods"), (set(), {"*"}, None)),
    "webhook for rules in a namespace": (
        webhook("a.example.com", "cilium.io", "ciliumnetworkpolicies", **_SHOP),
        ({CNP}, set(), {"shop"}),
    ),
    "webhook of Istio": (
        webhook("sidecar-injector.istio.io", "", "pods"),
        (set(), {"istio.io/*", "*.istio.io/*"}, None),
    ),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_what_it_may_change(name: str) -> None:
    mutations, (policies, keys, namespaces) = MUTATIONS[name]
    [found] = mutations
    assert (set(found.policies), set(found.keys)) == (policies, keys)
    assert (None if found.namespaces is None else set(found.namespaces)) == namespaces
    assert "m.yaml:1" in found.words


NONE: dict[str, list[Mutation]] = {
    "metadata of policies": kyverno({"patchStrategicMerge": {"metadata": {"annotations": {"a": "b"}}}}, kinds=[CNP]),
    "labels of kinds that make no pods": kyverno(LABELLED, kinds=["ConfigMap", "Service"]),
    "conditions alone": kyverno({"patchStrategicMerge": {"metadata": {"labels": {"(app)": "a"}}}}, kinds=["Pod"]),
    "rule that validates": read("kyverno.io/v1", "ClusterPolicy", {"rules": [{"validate": {"pattern": {"spec": {}}}}]}),
    "policy of another group": read("policy.open-cluster-management.io/v1", "Policy", {"rules": [{"mutate": EMPTIED}]}),
    "annotation of Gatekeeper": gatekeeper("AssignMetadata", "metadata.annotations.a", "Pod"),
    "webhook of Kyverno": webhook("mutate.kyverno.svc-fail", "*", "*"),
    "webhook of certificates": webhook("webhook.cert-manager.io", "", "pods"),
    "webhook for Services": webhook("a.example.com", "", "services"),
}


@pytest.mark.parametrize("name", NONE)
def test_what_changes_nothing_that_counts(name: str) -> None:
    assert NONE[name] == []


@pytest.mark.parametrize(
    ("kind", "namespace", "touched"),
    [(CNP, "shop", True), (CNP, None, True), (CNP, "games", False), (CCNP, None, False), (NP, "shop", False)],
)
def test_whom_one_of_a_namespace_may_touch(kind: str, namespace: str | None, touched: bool) -> None:
    mutation = Mutation("m", Source("m.yaml"), frozenset({CNP, CCNP}), namespaces=frozenset({"shop"}))
    assert mutation.may_touch(kind, namespace) is touched
