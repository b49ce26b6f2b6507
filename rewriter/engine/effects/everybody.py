"""Policies of others that select everybody, and allow or deny everything: beside them a rule shows what it adds."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from rewriter.cilium.policy_set import PolicySet, compile_policies
from rewriter.cilium.settings import Settings


@cache
def allow_everything(settings: Settings) -> PolicySet:
    """Policies of others that let everything through, to and from the host too."""
    return _of_everybody({"ingress": [{"fromEntities": ["all"]}], "egress": [{"toEntities": ["all"]}]}, settings)


@cache
def deny_everything(settings: Settings, directions: tuple[str, ...]) -> PolicySet:
    """Policies of others that let nothing through in these directions."""
    return _of_everybody({direction: [{}] for direction in directions}, settings)


def _of_everybody(rules: Mapping[str, Any], settings: Settings) -> PolicySet:
    manifest = {
        "apiVersion": "cilium.io/v2",
        "kind": "CiliumClusterwideNetworkPolicy",
        "metadata": {"name": "of-everybody"},
        "specs": [{"endpointSelector": {}, **rules}, {"nodeSelector": {}, **rules}],
    }
    return compile_policies([manifest], settings)
