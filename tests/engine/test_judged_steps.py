"""What a step of a rewrite does, judged beside policies that other people may have, and all steps together."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from rewriter import yamltext
from rewriter.cilium.policy import Policy, read_policy
from rewriter.cilium.settings import NO_FACTS, Facts, ServiceView, Settings
from rewriter.cilium.version import parse_version
from rewriter.engine.documents.read import FoundPolicy
from rewriter.engine.effects.of_fixes import Effects
from rewriter.engine.effects.worlds import world_of
from rewriter.engine.pipeline.draft import Draft, Limits
from rewriter.engine.pipeline.hooks import FileHooks
from rewriter.engine.pipeline.steps import prove_policies
from rewriter.engine.proofs.manifest import ProofError
from rewriter.evidence.settings import settings_of
from rewriter.inventory.facts.model import Cluster, Source
from rewriter.inventory.tree.repository import TreeInventory
from tests.inventory.support import inventory, service

_WEB = {"fromEndpoints": [{"matchLabels": {"app": "web"}}]}
_DB = {"fromEndpoints": [{"matchLabels": {"app": "db"}}]}


def _policy(**spec: Any) -> Policy:
    return read_policy(
        {
            "apiVersion": "cilium.io/v2",
            "kind": "CiliumNetworkPolicy",
            "metadata": {"name": "api", "namespace": "shop"},
            "spec": {"endpointSelector": {"matchLabels": {"app": "api"}}, **spec},
        }
    )


def _effects(known: TreeInventory | None = None, cluster: Cluster | None = None) -> Effects:
    today, later = (settings_of(cluster, parse_version(each)) for each in ("1.18", "1.19"))
    return Effects(today, later, known or inventory({}))


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("new", [False, True])
def test_what_opens_only_where_others_deny_is_seen(old: bool, new: bool) -> None:
    """A policy that does not deny by default, before or after, lets `db` in where another one denies."""
    before = _policy(ingress=[_WEB], enableDefaultDeny={"ingress": old})
    after = _policy(ingress=[_WEB, _DB], enableDefaultDeny={"ingress": new})
    opened = _effects().judge_step(before, after, None).flows.opened
    assert any("app=db" in flow for flow in opened), opened


def test_fixes_that_do_more_together_than_they_declare_are_refused() -> None:
    document = yamltext.parse("a: b\n")[0]
    found = [FoundPolicy(_policy(ingress=rules), namespace_known=True) for rules in ([_WEB], [_WEB, _DB])]
    draft = Draft(document, Limits({}), first=found[:1], policies=found[1:], inexact={0}, steps={0: [None, None]})
    hooks = cast("FileHooks", SimpleNamespace(effects=_effects()))
    with pytest.raises(ProofError, match="the fixes together would open"):
        prove_policies(draft, hooks)


@pytest.mark.parametrize(("path", "counts"), [("east/s.yaml", True), ("west/s.yaml", False), ("s.yaml", True)])
def test_services_of_unknown_clusters_count(path: str, counts: bool) -> None:
    clusters = [Cluster(name, Source("c"), (f"{name}/**",)) for name in ("east", "west")]
    files = {path: service("db", {"app": "db"}, namespace="shop")}
    known = inventory(files, clusters=clusters, local={"east/": "east", "west/": "west"})
    policy = _policy(egress=[{"toServices": [{"k8sService": {"serviceName": "db", "namespace": "shop"}}]}])
    facts = _effects(known, clusters[0]).facts_of([policy])
    assert bool(facts.services) is counts


def test_a_deny_rule_changes_what_another_policy_allows() -> None:
    """By themselves the pods are in default deny before and after, so that the words name whose traffic it is."""
    before = _policy(ingressDeny=[_WEB])
    after = _policy(ingressDeny=[_WEB, _DB])
    flows = _effects().judge_step(before, after, None).flows
    assert flows.opened == ()
    assert [text.endswith(" where another policy allows it") for text in flows.closed] == [True], flows.closed


def test_what_a_deny_rule_takes_from_its_own_policy_is_said_plainly() -> None:
    everything = [{"fromEntities": ["all"]}]
    before = _policy(ingress=everything)
    after = _policy(ingress=everything, ingressDeny=[_DB])
    (closed,) = _effects().judge_step(before, after, None).flows.closed
    assert "app=db" in closed and "where another policy" not in closed


def test_a_host_policy_changes_the_nodes_with_its_labels_and_no_pods() -> None:
    def policy(*rules: dict[str, Any]) -> Policy:
        spec = {"nodeSelector": {"matchLabels": {"pool": "edge"}}, "ingress": [*rules]}
        kind = "CiliumClusterwideNetworkPolicy"
        return read_policy({"apiVersion": "cilium.io/v2", "kind": kind, "metadata": {"name": "edge"}, "spec": spec})

    flows = _effects().judge_step(policy({}), policy({}, {"fromEntities": ["remote-node"]}), None).flows
    nodes = "the entities kube-apiserver and remote-node"
    assert flows.opened == (f"ingress to host with pool=edge from {nodes} on every port",)
    everywhere = policy({}, {"fromEntities": ["host", "remote-node"]})
    assert "host with" not in str(_effects().judge_step(policy({}), everywhere, None).flows.opened).split(" from ")[1]


def test_what_a_policy_means_is_read_anew_with_facts() -> None:
    """What was kept of it without any says nothing of Services."""
    manifest = {
        "apiVersion": "cilium.io/v2",
        "kind": "CiliumNetworkPolicy",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {
            "endpointSelector": {},
            "egress": [{"toServices": [{"k8sService": {"serviceName": "db", "namespace": "shop"}}]}],
        },
    }
    policy, settings = read_policy(manifest), Settings(parse_version("1.19"))
    facts = Facts(services=(ServiceView("shop", "db", {"app": "db"}),))
    bare, known, again = (
        [entry.peers for entry in world_of([policy], settings, each).entries()] for each in (NO_FACTS, facts, NO_FACTS)
    )
    assert bare == again
    assert known != bare
