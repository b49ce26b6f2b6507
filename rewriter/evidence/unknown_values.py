"""Policies with values that are not known: examples in their places, and what is known of their subjects."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from rewriter.cilium.digits import is_number
from rewriter.cilium.labels import K8S, NAMESPACE_LABEL, split_key
from rewriter.cilium.policy import CCNP, Policy, read_policy
from rewriter.evidence.placeholders import (
    has_placeholder,
    pattern_of,
    policy_has_placeholder,
    substituted,
    unknown_labels,
    without_unknown,
)

SUBJECTS = ("endpointSelector", "podSelector", "nodeSelector")


def with_examples(policy: Policy) -> Policy:
    """The policy with examples in the place of unknown values; itself where every value is known.

    Its subjects select all pods that the real ones may.
    """
    if not policy_has_placeholder(policy):
        return policy
    return read_policy(substituted(_of_all_subjects(policy)), namespace=policy.namespace, base=policy.route)


def known_in_part(policy: Policy) -> tuple[tuple[str, tuple[str, str, re.Pattern[str]]], ...]:
    """The labels, and the namespace, of subjects that hold a placeholder, by the route of their rule set."""
    found = []
    namespace = policy.namespace if policy.kind != CCNP else None
    for spec in policy.specs:
        for name in SUBJECTS:
            for written, value in unknown_labels(spec.raw.get(name)).items():
                source, key = split_key(written)
                found.append((f"{spec.route}/", (source, key, pattern_of(value))))
        if namespace and has_placeholder(namespace):
            found.append((f"{spec.route}/", (K8S, NAMESPACE_LABEL, pattern_of(namespace))))
    return tuple(found)


def written_at(policy: Policy, route: str) -> Any:
    """What a manifest has at a route, or at as much of it as is there."""
    value: Any = policy.raw
    for token in route.split("/")[1:]:
        name = token.replace("~1", "/").replace("~0", "~")
        if isinstance(value, Mapping) and name in value:
            value = value[name]
        elif isinstance(value, list) and is_number(token) and int(token) < len(value):
            value = value[int(token)]
        else:
            break
    return value


def _of_all_subjects(policy: Policy) -> Mapping[str, Any]:
    """The manifest with subjects that select all that they may: without the labels that are not known."""
    raw = dict(policy.raw)
    if isinstance(raw.get("spec"), Mapping):
        raw["spec"] = _of_all(raw["spec"])
    if isinstance(raw.get("specs"), list):
        raw["specs"] = [_of_all(spec) for spec in raw["specs"]]
    return raw


def _of_all(spec: Any) -> Any:
    if not isinstance(spec, Mapping):
        return spec
    return {name: without_unknown(value) if name in SUBJECTS else value for name, value in spec.items()}
