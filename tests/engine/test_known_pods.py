"""The pods that are known: told apart for one policy after another, with nothing kept of each."""

from __future__ import annotations

import tracemalloc

from rewriter.cilium.identity import Identity
from rewriter.cilium.labels import Label
from rewriter.cilium.policy import read_policy
from rewriter.cilium.settings import NO_FACTS
from rewriter.cilium.version import parse_version
from rewriter.engine.effects.known_pods import KnownPods
from rewriter.engine.effects.worlds import world_of
from rewriter.evidence.settings import settings_of


def _pod(app: str) -> Identity:
    labels = {"app": app, "io.kubernetes.pod.namespace": "shop", "io.cilium.k8s.policy.cluster": "default"}
    return Identity(app, frozenset(Label("k8s", key, value) for key, value in labels.items()))


def test_one_pod_of_each_kind_is_told_apart_and_asking_again_takes_no_room() -> None:
    """A run asks for each of thousands of policies, against the same pods."""
    manifest = {
        "apiVersion": "cilium.io/v2",
        "kind": "CiliumNetworkPolicy",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {
            "endpointSelector": {"matchLabels": {"app": "web"}},
            "ingress": [{"fromEndpoints": [{"matchLabels": {"app": "db"}}]}],
        },
    }
    world = world_of([read_policy(manifest)], settings_of(None, parse_version("1.19")), NO_FACTS)
    known = KnownPods([_pod(app) for app in ("web", "db", "other")])

    def names() -> list[str]:
        return [pod.name for pod in known.told_apart([world], [world])]

    first = names()
    assert sorted(first) == ["db", "web"]
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        assert all(names() == first for _ in range(500))
        assert tracemalloc.get_traced_memory()[0] - before < 20_000
    finally:
        tracemalloc.stop()
