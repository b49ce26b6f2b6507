"""What a policy asks for by name is the same in whatever order it is asked, and however many rules there are."""

from __future__ import annotations

import pytest

from rewriter.cilium.policy import Policy, read_policy
from rewriter.engine.effects.asked import denies, names_ports, pod_selections, requires


def _policy(count: int, port: str) -> Policy:
    rules = [
        {
            "fromEndpoints": [{"matchLabels": {"app": f"app-{number}"}}],
            "toPorts": [{"ports": [{"port": port if number == count - 1 else "80"}]}],
        }
        for number in range(count)
    ]
    spec = {"endpointSelector": {"matchLabels": {"app": "web"}}, "ingress": rules}
    return read_policy(
        {"apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy", "metadata": {"name": "x"}, "spec": spec}
    )


@pytest.mark.parametrize("count", [3, 100])
@pytest.mark.parametrize("values_first", [True, False])
def test_every_question_has_its_answer(count: int, values_first: bool) -> None:
    policy = _policy(count, "http")
    if values_first:
        assert names_ports(policy)
    selections = {'{"app": "web"}', *(f'{{"app": "app-{number}"}}' for number in range(count))}
    assert pod_selections(policy) == selections
    assert names_ports(policy)
    assert not denies(policy)
    assert not requires(policy)
    assert not names_ports(_policy(count, "8080"))
