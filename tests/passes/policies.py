"""Small policies for tests of passes."""

from __future__ import annotations

from typing import Any

import yaml

from rewriter.cilium.policy import CCNP, CNP, Policy, read_policy

WEB = {"matchLabels": {"app": "web"}}


def cnp(rules: str, *, subject: dict[str, Any] | None = None, **metadata: str) -> dict[str, Any]:
    """A CiliumNetworkPolicy of namespace shop: `rules` are the members of its spec beside the subject, as YAML."""
    spec = {"endpointSelector": WEB if subject is None else subject, **(yaml.safe_load(rules) or {})}
    named = {"name": "p", "namespace": "shop", **metadata}
    return {"apiVersion": "cilium.io/v2", "kind": CNP, "metadata": named, "spec": spec}


def ccnp(rules: str) -> dict[str, Any]:
    """The same, clusterwide."""
    return {**cnp(rules), "kind": CCNP, "metadata": {"name": "p"}}


def other(manifest: dict[str, Any], name: str) -> Policy:
    """A policy beside the one that is looked at."""
    return read_policy({**manifest, "metadata": {**manifest["metadata"], "name": name}})
