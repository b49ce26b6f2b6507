"""Which labels of pods are part of their identities, as the agents of a cluster filter them."""

from __future__ import annotations

from collections.abc import Iterator

from rewriter.cilium.identity_labels import LabelFilter, label_filter
from rewriter.cilium.labels import ANY, K8S
from rewriter.cilium.selector import Requirement, Selector
from rewriter.cilium.version import Version
from rewriter.evidence.context import Context
from rewriter.evidence.settings import settings_of

#: The sources of labels (Cilium pkg/labels). No label has a key of another source.
_SOURCES = frozenset(
    {"any", "k8s", "reserved", "cidr", "cidrgroup", "fqdn", "node", "container", "cni", "mesos", "unspec", "generated"}
)


def identity_filter(context: Context, version: Version) -> LabelFilter:
    """The filter of pod labels in the policy's cluster on a release; the release's default where none is known."""
    return settings_of(context.cluster, version).pod_labels or label_filter(version)


def filtered(context: Context, selector: Selector, version: Version) -> Iterator[Requirement]:
    """The conditions of a selector that no pod meets on a release, since its filter leaves the label out."""
    chosen = identity_filter(context, version)
    for requirement in _demands(selector):
        if requirement.source in (ANY, K8S) and not chosen.keeps(requirement.key):
            yield requirement


def of_no_source(selector: Selector) -> Iterator[Requirement]:
    """The conditions on a label of a source that Cilium never gives one: `app:kubernetes.io/name`."""
    for requirement in _demands(selector):
        if requirement.source not in _SOURCES:
            yield requirement


def _demands(selector: Selector) -> Iterator[Requirement]:
    return (requirement for requirement in selector.requirements if requirement.operator in ("In", "Exists"))
