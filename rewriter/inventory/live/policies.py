"""The policies that run in a cluster: what they say, and whether Cilium's operator found them valid."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rewriter.inventory.texts.manifests import items, mapping


def keep_policy(value: Mapping[str, Any]) -> dict[str, Any]:
    """A policy as a manifest, with no more metadata than its place; `rejected` is the reason where it is not valid.

    Source of the reason: condition `Valid` of the status, which Cilium's operator sets from 1.17 on.
    """
    metadata = mapping(value.get("metadata"))
    kept: dict[str, Any] = {
        "apiVersion": value["apiVersion"],
        "kind": value["kind"],
        "metadata": {key: metadata[key] for key in ("name", "namespace") if isinstance(metadata.get(key), str)},
    }
    kept |= {key: value[key] for key in ("spec", "specs") if value.get(key) is not None}
    for condition in items(mapping(value.get("status")).get("conditions")):
        if condition.get("type") == "Valid" and condition.get("status") == "False":
            message = condition.get("message")
            kept["rejected"] = message if isinstance(message, str) and message else "not valid"
    return kept
