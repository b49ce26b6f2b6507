"""Observed flows judged again when a policy changes that others of the same pods depend on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import yaml

from rewriter import yamltext
from rewriter.cilium.policy import read_policy
from rewriter.cilium.settings import NO_FACTS, Settings
from rewriter.cilium.version import Version
from rewriter.engine.documents.located import LocatedPolicy
from rewriter.engine.traffic.replay import ClusterReplay, PolicyPosition
from rewriter.inventory.hubble.flows import FORWARDED, INGRESS, ObservedEndpoint, ObservedFlow
from tests.hubble.flows import pod

SETTINGS = Settings(Version(1, 18), local_cluster="cluster-a")
SUBJECT = "  endpointSelector: {matchLabels: {app: api}}\n"
REQUIRING = (
    "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: api, namespace: shop}\n"
    f"spec:\n{SUBJECT}  ingress:\n  - fromEndpoints: [{{matchLabels: {{app: web}}}}]\n"
)
FIELD = "  - fromRequires: [{matchLabels: {env: prod}}]\n"
OTHER: dict[str, Any] = yaml.safe_load(REQUIRING.replace("name: api", "name: other").replace("app: web", "app: cache"))


def seen(source: str, destination: str) -> ObservedFlow:
    one, two = (ObservedEndpoint(tuple(pod(name, "shop")["labels"])) for name in (source, destination))
    return ObservedFlow(one, two, "TCP", 80, INGRESS, FORWARDED, 1, "2026-01-31T12:00:00Z")


def test_a_requirement_that_goes_frees_what_another_policy_allows() -> None:
    """fromRequires narrows the rules of every policy of its pods, so that a change of it judges these flows too."""
    (document,) = yamltext.parse(REQUIRING + FIELD)
    before, after = (read_policy(yaml.safe_load(text)) for text in (REQUIRING + FIELD, REQUIRING))
    where = PolicyPosition("p.yaml", 0, before.route)
    replay = ClusterReplay(
        [seen("cache", "api"), seen("cache", "db")],
        [LocatedPolicy("p.yaml", document, before)],
        (replace(SETTINGS, version=Version(1, 17)), SETTINGS),
        NO_FACTS,
        {},
        running=[(OTHER, "shop")],
    )
    assert replay.step(where, before, after).changes == ((0, False, True),)
