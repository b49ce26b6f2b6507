"""Which rule sets may apply to one pod."""

from __future__ import annotations

import pytest

from rewriter.cilium.policy import Policy, read_policy
from rewriter.passes.kit.enforced.enforcement import may_share_pods

_PLACE = "k8s:io.kubernetes.pod.namespace"


def _policy(name: str, namespace: str | None, **labels: str) -> Policy:
    spec = {"endpointSelector": {"matchLabels": {key.replace("place", _PLACE): value for key, value in labels.items()}}}
    kind = "CiliumNetworkPolicy" if namespace else "CiliumClusterwideNetworkPolicy"
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return read_policy({"apiVersion": "cilium.io/v2", "kind": kind, "metadata": metadata, "spec": spec})


@pytest.mark.parametrize(
    ("one", "other", "may"),
    [
        (_policy("a", "shop", app="web"), _policy("b", "shop", app="web"), True),
        (_policy("a", "shop", app="web"), _policy("b", "shop", tier="front"), True),
        (_policy("a", "shop", app="web"), _policy("b", "shop", app="db"), False),
        (_policy("a", "shop", app="web"), _policy("b", "games", app="web"), False),
        (_policy("a", None, app="web"), _policy("b", "games", app="web"), True),
        (_policy("a", None, place="shop"), _policy("b", None, place="games"), False),
        (_policy("a", "shop", place="games"), _policy("b", "shop", place="tools"), True),
        (_policy("a", "shop", place="games"), _policy("b", None, place="shop"), True),
    ],
)
def test_cilium_writes_a_policys_own_namespace_over_that_of_its_subject(one: Policy, other: Policy, may: bool) -> None:
    assert may_share_pods(one, one.specs[0], other, other.specs[0]) is may
    assert may_share_pods(other, other.specs[0], one, one.specs[0]) is may
