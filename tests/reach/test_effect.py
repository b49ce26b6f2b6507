from __future__ import annotations

from rewriter.cilium.settings import Facts, ServiceView, Settings
from rewriter.cilium.version import Version
from rewriter.reach.compare import step_effect
from rewriter.reach.world import policy_world
from tests.reach.effects import policy_effect
from tests.reach.policies import AFTER, BEFORE, CLUSTER, NAMESPACE, cnp, key, tcp

OLD = Settings(Version(1, 16), local_cluster="a")


def test_a_rewrite_that_keeps_todays_flows() -> None:
    old = cnp(ingress=[{"fromEndpoints": [{}]}])
    new = cnp(ingress=[{"fromEndpoints": [{"matchExpressions": [key(CLUSTER)]}]}])
    effect = policy_effect(old, new, BEFORE, AFTER)
    assert (effect.opened, effect.closed) == ((), ())
    assert [str(found) for found in effect.upgrade_closed] == [
        "ingress to pods with app=web of namespace shop from any pod of namespace shop in other clusters on every port"
    ]


def test_a_policy_that_wakes_up_begins_to_deny() -> None:
    services = [{"k8sService": {"serviceName": "db", "namespace": "prod"}}]
    old = cnp(egress=[{"toServices": services, "toPorts": tcp("3306")}])
    facts = Facts(services=(ServiceView("prod", "db", {"app": "db"}),))
    selector = {"matchLabels": {"app": "db", NAMESPACE: "prod"}}
    new = cnp(egress=[{"toEndpoints": [selector], "toPorts": tcp("3306")}])
    effect = policy_effect(old, new, OLD, AFTER, facts=facts)
    assert effect.opened == ()
    assert [str(found) for found in effect.alone.enforced] == ["egress of pods with app=web of namespace shop"]
    assert effect.closed == effect.upgrade_closed
    since = policy_effect(old, new, Settings(Version(1, 17), local_cluster="a"), AFTER, facts=facts)
    assert since.opened == ()
    assert [found.peers for found in since.closed] == [("pods with app=db of namespace prod in other clusters",)]


def test_other_policies_hide_and_show_effects() -> None:
    old = cnp(ingress=[{"fromEntities": ["health"]}])
    new = cnp(ingress=[{"fromEntities": ["health", "remote-node"]}])
    wide = cnp(ingress=[{"fromEntities": ["all"]}])
    effect = policy_effect(old, new, AFTER, AFTER, others=[wide])
    assert not effect.together
    assert [found.peers for found in effect.opened] == [("kube-apiserver", "remote-node")]


def test_requirements_reach_other_policies() -> None:
    source = Settings(Version(1, 17), local_cluster="a")
    web = {"matchLabels": {"app": "web"}}
    requiring = cnp(ingress=[{"fromRequires": [web]}])
    other = cnp(ingress=[{"fromEndpoints": [{}]}])
    effect = policy_effect(requiring, cnp(ingress=[{}]), source, source, others=[other])
    assert not effect.alone
    assert [found.peers for found in effect.opened] == [("pods with app not web of namespace shop",)]


def test_a_policy_that_comes_or_goes() -> None:
    policy = cnp(ingress=[{}])
    assert policy_effect(None, policy, AFTER, AFTER).closed
    assert policy_effect(policy, None, AFTER, AFTER).opened
    assert not policy_effect(None, None, AFTER, AFTER).alone


def test_the_namespace_of_landing() -> None:
    old, new = cnp(ingress=[{}]), cnp(ingress=[{"fromEndpoints": [{}]}])
    for manifest in (old, new):
        del manifest["metadata"]["namespace"]
    effect = policy_effect(old, new, AFTER, AFTER, namespace="prod")
    assert [str(found) for found in effect.opened] == [
        "ingress to pods with app=web of namespace prod from any pod of namespace prod in a on every port"
    ]


def test_a_fix_that_todays_release_rejects_has_no_effect_before_the_upgrade() -> None:
    """Up to 1.16 a rule with ports beside a Service is rejected: that is no way to end default deny."""
    later = Settings(Version(1, 18), local_cluster="a")
    services = [{"k8sService": {"serviceName": "db", "namespace": "prod"}}]
    old, new = cnp(egress=[{"toServices": services}]), cnp(egress=[{"toServices": services, "toPorts": tcp("3306")}])
    today, fixed, unfixed, early = (
        policy_world([manifest], settings)
        for manifest, settings in ((old, OLD), (new, later), (old, later), (new, OLD))
    )
    assert early.rejections != (None,)
    found = step_effect(today, fixed, unfixed, early).own
    assert (found.opened, bool(found.closed)) == ((), True)
