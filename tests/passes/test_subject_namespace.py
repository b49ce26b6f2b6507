from __future__ import annotations

from typing import Any

import pytest
import yaml

from rewriter.finding import Applicability, Severity
from rewriter.passes.subject_namespace import find
from tests.passes.policies import ccnp, cnp
from tests.passes.support import run

KEY = "k8s:io.kubernetes.pod.namespace"
RULES = "ingress: [{fromEntities: [cluster]}]"


def policy(selector: str) -> dict[str, Any]:
    return cnp(RULES, subject=yaml.safe_load(selector))


@pytest.mark.parametrize(
    "selector",
    [
        "{}",
        "{matchLabels: {app: web}}",
        f"{{matchLabels: {{'{KEY}': shop}}}}",
        "{matchLabels: {io.kubernetes.pod.namespace: shop}}",
        f"{{matchExpressions: [{{key: '{KEY}', operator: Exists}}]}}",
        f"{{matchExpressions: [{{key: '{KEY}', operator: In, values: [prod, shop]}}]}}",
        f"{{matchExpressions: [{{key: '{KEY}', operator: NotIn, values: [prod]}}]}}",
        "{matchLabels: {namespace: prod}}",
        "{matchLabels: {'cidr:io.kubernetes.pod.namespace': prod}}",
        "{matchLabels: {k8s:io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name: shop}}",
        "{matchLabels: {k8s:io.cilium.k8s.namespace.labels.team: prod}}",
        f"{{matchLabels: ['{KEY}']}}",
    ],
)
def test_nothing_to_say(selector: str) -> None:
    assert run(find, policy(selector)).findings == []


def test_where_the_namespace_is_not_known_nothing_can_be_said() -> None:
    manifest = policy(f"{{matchLabels: {{'{KEY}': prod}}}}")
    del manifest["metadata"]["namespace"]
    assert run(find, manifest).findings == []
    assert run(find, manifest, namespace="shop").findings
    assert run(find, manifest, namespace="prod").findings == []


def test_only_ciliumnetworkpolicies_have_a_namespace_to_override() -> None:
    assert ccnp(RULES)["kind"] not in find.kinds


@pytest.mark.parametrize(
    ("selector", "effect"),
    [
        (f"{{matchLabels: {{'{KEY}': prod}}}}", "is overridden"),
        ("{matchLabels: {io.kubernetes.pod.namespace: prod}}", "selects nothing"),
        ("{matchLabels: {'any:io.kubernetes.pod.namespace': prod}}", "selects nothing"),
        (f"{{matchExpressions: [{{key: '{KEY}', operator: In, values: [prod]}}]}}", "selects nothing"),
        (f"{{matchExpressions: [{{key: '{KEY}', operator: NotIn, values: [shop]}}]}}", "selects nothing"),
        (f"{{matchExpressions: [{{key: '{KEY}', operator: DoesNotExist}}]}}", "selects nothing"),
        ("{matchLabels: {k8s:io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name: prod}}", "selects nothing"),
    ],
)
def test_another_namespace(selector: str, effect: str) -> None:
    only = run(find, policy(selector)).only
    assert (only.severity, only.applicability, only.fix) == (Severity.ERROR, Applicability.MANUAL, None)
    assert only.message.endswith(effect)
    assert "make it a CiliumClusterwideNetworkPolicy" in only.advice
    assert only.route.startswith("/spec/endpointSelector/match")
