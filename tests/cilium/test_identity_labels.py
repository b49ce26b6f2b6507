"""The filter of identity labels: expressions from the start of a key, the longer match, and whitelists."""

from __future__ import annotations

import pytest

from rewriter.cilium.identity_labels import label_filter, node_label_filter
from rewriter.cilium.labels import RESERVED
from rewriter.cilium.version import Version

OLDER, NEWER = Version(1, 19), Version(1, 20)


@pytest.mark.parametrize(
    ("labels", "key", "kept"),
    [
        ((), "app", True),
        ((), "app.kubernetes.io/name", True),
        ((), "io.kubernetes.pod.namespace", True),
        ((), "io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name", True),
        ((), "kubernetes.io/arch", False),
        ((), "node.kubernetes.io/pool", True),
        ((), "failure-domain.beta.kubernetes.io/zone", False),
        # An expression matches from the start of the key and need not reach its end.
        ((), "pod-template-hash-of-mine", False),
        ((), "my-pod-template-hash", True),
        # One that leaves out adds to the list; one that keeps makes it a whitelist.
        (("!version",), "version", False),
        (("!version",), "app", True),
        (("app",), "version", False),
        (("app",), "application", True),
        (("app",), "io.kubernetes.pod.namespace", True),
        # The longer match counts, and of two as long the one that leaves out.
        (("pod-template-hash",), "pod-template-hash", False),
        (("pod-template-hash.*",), "pod-template-hash-of-mine", True),
        # A source binds an expression to it.
        (("k8s:app",), "app", True),
        (("reserved:app",), "app", False),
        # What is no expression is left out.
        (("[",), "app", True),
    ],
)
def test_pod_labels(labels: tuple[str, ...], key: str, kept: bool) -> None:
    assert label_filter(OLDER, labels).keeps(key) is kept


def test_topology_labels_are_left_out_from_one_release_on() -> None:
    key = "topology.kubernetes.io/zone"
    assert label_filter(OLDER).keeps(key)
    assert not label_filter(NEWER).keeps(key)


def test_reserved_labels_are_kept_by_every_list() -> None:
    assert label_filter(OLDER, ("app",)).keeps("host", RESERVED)


@pytest.mark.parametrize(
    ("labels", "key", "kept"),
    [
        ((), "rack", True),
        ((), "kubernetes.io/arch", True),
        (("rack",), "rack", True),
        (("rack",), "io.cilium.k8s.policy.cluster", False),
        (("rack", r"io\.cilium\.k8s\.policy\.cluster"), "io.cilium.k8s.policy.cluster", True),
        (("!rack",), "rack", False),
        (("!rack",), "zone", True),
    ],
)
def test_node_labels_have_no_default(labels: tuple[str, ...], key: str, kept: bool) -> None:
    assert node_label_filter(labels).keeps(key) is kept
