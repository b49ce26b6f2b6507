"""Which selectors policy-default-local-cluster narrows to the local cluster.

Sources: Cilium pkg/k8s/apis/cilium.io/utils getEndpointSelector and pkg/k8s ParseNetworkPolicy; the question is that of
`cilium clustermesh inspect-policy-default-local-cluster`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rewriter.cilium.labels import ANY, CLUSTER_LABEL, K8S
from rewriter.cilium.policy import KNP, SELECTOR_FIELDS, Policy, Rule
from rewriter.cilium.selector import Selector

#: Peer fields whose selectors keep their reach when they name a `reserved:` key. Node selectors do not.
_ENDPOINT_FIELDS = frozenset({"fromEndpoints", "toEndpoints"})


def selectors_changed_by_local_cluster(policy: Policy) -> tuple[str, ...]:
    """Routes of the peer selectors (for a NetworkPolicy: of the peers) that get the local cluster's label added.

    In document order; empty exactly when the policy is not affected. Malformed selectors are left out.
    """
    return tuple(route for rule in policy.rules() for route in _changed(rule, policy.kind))


def takes_local_cluster(selector: Selector, field: str) -> bool:
    """Whether a selector in a peer field of a Cilium policy gets the local cluster's label added."""
    if names_cluster(selector):
        return False
    return field not in _ENDPOINT_FIELDS or not selector.names_reserved


def names_cluster(selector: Selector) -> bool:
    """Whether a selector has the key that says which cluster is meant, written bare, with `any:` or with `k8s:`."""
    return any(r.key == CLUSTER_LABEL and r.source in (ANY, K8S) for r in selector.requirements)


def peer_takes_local_cluster(peer: Any) -> bool:
    """Whether a raw NetworkPolicy peer gets the local cluster's label added.

    Only the bare key in `podSelector` opts out: a key there gets the `k8s:` prefix whatever it says.
    """
    if not isinstance(peer, dict):
        return False
    pods, namespaces = peer.get("podSelector"), peer.get("namespaceSelector")
    if not isinstance(pods, dict) and not isinstance(namespaces, dict):
        return False
    return not _podselector_names_cluster(pods)


def _changed(rule: Rule, kind: str) -> Iterator[str]:
    if kind != KNP and rule.selects_nobody:
        return
    for field in rule.peers:
        if kind == KNP:
            routes = enumerate(field.entries)
            yield from (field.entry_route(i) for i, peer in routes if peer_takes_local_cluster(peer))
        elif field.name in SELECTOR_FIELDS:
            for index, selector in enumerate(field.selectors):
                if selector is not None and takes_local_cluster(selector, field.name):
                    yield field.entry_route(index)


def _podselector_names_cluster(raw: Any) -> bool:
    """Whether a NetworkPolicy's podSelector has the cluster key; an empty value in matchLabels does not count."""
    if not isinstance(raw, dict):
        return False
    labels, expressions = raw.get("matchLabels"), raw.get("matchExpressions")
    if isinstance(labels, dict) and labels.get(CLUSTER_LABEL):
        return True
    items = expressions if isinstance(expressions, list) else ()
    return any(isinstance(item, dict) and item.get("key") == CLUSTER_LABEL for item in items)
