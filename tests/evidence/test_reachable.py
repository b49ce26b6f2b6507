"""What pods may reach and be reached by, under all policies of their cluster."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from rewriter.cilium.identity import Identity, reserved_identity
from rewriter.cilium.policy import EGRESS, INGRESS, read_policy
from rewriter.cilium.version import parse_version
from rewriter.config.model import Config
from rewriter.evidence.context import Context
from rewriter.evidence.reachable import Reach, identity_of, reach_of
from tests.inventory.support import inventory

OWN = "shop/web.yaml"


def _policy(name: str, spec: str, kind: str = "CiliumNetworkPolicy", namespace: str = "shop") -> str:
    place = "" if kind == "CiliumClusterwideNetworkPolicy" else f", namespace: {namespace}"
    api = "networking.k8s.io/v1" if kind == "NetworkPolicy" else "cilium.io/v2"
    return f"apiVersion: {api}\nkind: {kind}\nmetadata: {{name: {name}{place}}}\nspec: {spec}\n"


def _workload(name: str, namespace: str, labels: str) -> str:
    template = f"{{metadata: {{labels: {labels}}}, spec: {{containers: [{{name: main}}]}}}}"
    return (
        "apiVersion: apps/v1\nkind: Deployment\n"
        f"metadata: {{name: {name}, namespace: {namespace}}}\nspec: {{template: {template}}}\n"
    )


WEB = "{endpointSelector: {matchLabels: {app: web}}, egress: [{toEntities: [kube-apiserver]}]}"
DNS_PEER = "toEndpoints: [{matchLabels: {k8s-app: kube-dns, io.kubernetes.pod.namespace: kube-system}}]"
DNS_RULE = f'egress: [{{{DNS_PEER}, toPorts: [{{ports: [{{port: "53", protocol: ANY}}]}}]}}]'
TREE = {
    OWN: _policy("web", WEB),
    "shop/app.yaml": _workload("web", "shop", "{app: web}"),
    "kube-system/dns.yaml": _workload("coredns", "kube-system", "{k8s-app: kube-dns}"),
}


def _reaches(files: Mapping[str, str], now: str = "") -> tuple[tuple[Reach, ...], Identity]:
    """The answers for the first rule set of the own policy, and the identity of the DNS pods."""
    policy = read_policy(yaml.safe_load(now or files[OWN]))
    context = Context(policy, OWN, None, inventory(files), Config(Path()), parse_version("1.18"), parse_version("1.19"))
    dns = next(w for w in context.inventory.all_workloads() if w.name == "coredns")
    return reach_of(context, policy.specs[0]), identity_of(context, dns)


def test_a_rule_of_a_clusterwide_policy_counts_for_the_pods_that_it_selects() -> None:
    everywhere = _policy("dns", f"{{endpointSelector: {{}}, {DNS_RULE}}}", "CiliumClusterwideNetworkPolicy")
    (reach,), dns = _reaches({**TREE, "cluster/dns.yaml": everywhere})
    answer = reach.verdict(EGRESS, dns, "UDP", 53)
    assert answer.allowed
    assert answer.certain
    assert [str(rule) for rule in answer.rules] == ["CiliumClusterwideNetworkPolicy dns, cluster/dns.yaml:1"]


def test_pods_in_default_deny_reach_nothing_that_no_rule_names() -> None:
    (reach,), dns = _reaches(TREE)
    answer = reach.verdict(EGRESS, dns, "UDP", 53)
    assert (answer.allowed, answer.certain) == (False, True)
    assert reach.denied_by_default(EGRESS)
    assert not reach.denied_by_default(INGRESS)
    assert reach.verdict(INGRESS, dns, "TCP", 80).allowed


def test_policies_of_other_namespaces_and_of_other_pods_have_no_say() -> None:
    others = {
        "other/dns.yaml": _policy("dns", f"{{endpointSelector: {{}}, {DNS_RULE}}}", namespace="other"),
        "shop/db.yaml": _policy("db", f"{{endpointSelector: {{matchLabels: {{app: db}}}}, {DNS_RULE}}}"),
    }
    (reach,), dns = _reaches({**TREE, **others})
    assert not reach.verdict(EGRESS, dns, "UDP", 53).allowed
    assert reach.possible == ()


def test_a_network_policy_counts_too() -> None:
    ports = "{podSelector: {}, policyTypes: [Egress], egress: [{ports: [{port: 53, protocol: UDP}]}]}"
    (reach,), dns = _reaches({**TREE, "shop/np.yaml": _policy("np", ports, "NetworkPolicy")})
    assert reach.verdict(EGRESS, dns, "UDP", 53).allowed
    assert not reach.verdict(EGRESS, dns, "TCP", 53).allowed


def test_the_own_policy_counts_as_it_is_now() -> None:
    now = _policy("web", f"{{endpointSelector: {{matchLabels: {{app: web}}}}, {DNS_RULE}}}")
    (reach,), dns = _reaches(TREE, now)
    assert reach.verdict(EGRESS, dns, "UDP", 53).allowed
    assert not reach.verdict(EGRESS, reserved_identity("kube-apiserver"), "TCP", 6443).allowed


def test_without_a_known_workload_the_selector_stands_for_its_pods() -> None:
    files = {name: text for name, text in TREE.items() if name != "shop/app.yaml"}
    certain = _policy("all", f"{{endpointSelector: {{}}, {DNS_RULE}}}")
    (reach,), dns = _reaches({**files, "shop/all.yaml": certain})
    assert reach.workload is None
    assert reach.verdict(EGRESS, dns, "UDP", 53).certain

    perhaps = _policy("tier", f"{{endpointSelector: {{matchLabels: {{tier: front}}}}, {DNS_RULE}}}")
    (reach,), dns = _reaches({**files, "shop/tier.yaml": perhaps})
    answer = reach.verdict(EGRESS, dns, "UDP", 53)
    assert (answer.allowed, answer.certain) == (False, False)
    assert [rule.policy.name for rule in reach.possible] == ["tier"]


def test_a_policy_in_a_template_may_say_otherwise() -> None:
    template = _policy("{{ .Release.Name }}", f"{{endpointSelector: {{}}, {DNS_RULE}}}", namespace='"{{ .ns }}"')
    (reach,), dns = _reaches({**TREE, "chart/dns.yaml": template})
    assert not reach.verdict(EGRESS, dns, "UDP", 53).certain
    assert reach.unread == ("a CiliumNetworkPolicy in a template, chart/dns.yaml:2",)


def test_a_template_for_another_namespace_says_nothing() -> None:
    template = "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata:\n  name: {{ x }}\n  namespace: other\n"
    (reach,), dns = _reaches({**TREE, "chart/dns.yaml": template})
    assert reach.verdict(EGRESS, dns, "UDP", 53).certain
    assert reach.unread == ()


def test_a_policy_inside_the_values_of_a_release_may_say_otherwise() -> None:
    inner = yaml.safe_load(_policy("dns", f"{{endpointSelector: {{}}, {DNS_RULE}}}"))
    release = {
        "apiVersion": "helm.toolkit.fluxcd.io/v2",
        "kind": "HelmRelease",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"values": {"extra": [inner]}},
    }
    (reach,), dns = _reaches({**TREE, "shop/release.yaml": yaml.safe_dump(release)})
    assert reach.unread == ()
    assert {rule.policy.name for rule in reach.possible} == {"dns"}
    assert not reach.verdict(EGRESS, dns, "UDP", 53).certain


def test_a_policy_whose_namespace_nobody_knows_may_select_the_pods() -> None:
    floating = _policy("dns", f"{{endpointSelector: {{}}, {DNS_RULE}}}").replace(", namespace: shop", "")
    (reach,), dns = _reaches({**TREE, "base/dns.yaml": floating})
    answer = reach.verdict(EGRESS, dns, "UDP", 53)
    assert (answer.allowed, answer.certain) == (False, False)


def test_a_policy_that_the_release_rejects_has_no_say() -> None:
    mixed = f"{{endpointSelector: {{}}, egress: [{{{DNS_PEER}, toEntities: [world]}}]}}"
    (reach,), dns = _reaches({**TREE, "shop/mixed.yaml": _policy("mixed", mixed)})
    assert not reach.verdict(EGRESS, dns, "UDP", 53).allowed


def test_a_policy_is_read_as_a_kustomization_leaves_it() -> None:
    files = {
        "overlay/kustomization.yaml": "kind: Kustomization\nnamespace: shop\nresources: [dns.yaml]\n",
        "overlay/dns.yaml": _policy("dns", f"{{endpointSelector: {{}}, {DNS_RULE}}}", namespace="base"),
    }
    (reach,), dns = _reaches({**TREE, **files})
    assert reach.verdict(EGRESS, dns, "UDP", 53).allowed


def test_a_value_that_nobody_knows_in_a_name_says_nothing_of_pods() -> None:
    names = "{endpointSelector: {}, egress: [{toFQDNs: [{matchName: 'api.${DOMAIN}'}]}]}"
    (reach,), dns = _reaches({**TREE, "shop/names.yaml": _policy("names", names)})
    assert reach.verdict(EGRESS, dns, "UDP", 53).certain
    assert not reach.verdict(EGRESS, reserved_identity("world"), "TCP", 443).certain


SHAPES = {
    "the subject": "{endpointSelector: '${SELECTOR}', " + DNS_RULE + "}",
    "labels of the subject": "{endpointSelector: {matchLabels: '${LABELS}'}, " + DNS_RULE + "}",
    "the rules": "{endpointSelector: {}, egress: '${RULES}'}",
    "the ports": "{endpointSelector: {}, egress: [{" + DNS_PEER + ", toPorts: '${PORTS}'}]}",
    "a protocol": "{endpointSelector: {}, egress: [{" + DNS_PEER + ", toPorts: "
    "[{ports: [{port: '53', protocol: '${PROTOCOL}'}]}]}]}",
    "an entity": "{endpointSelector: {}, egress: [{toEntities: ['${ENTITY}']}]}",
}


@pytest.mark.parametrize("spec", SHAPES.values(), ids=SHAPES)
def test_a_policy_that_is_no_policy_before_its_values_are_known_may_say_otherwise(spec: str) -> None:
    (reach,), dns = _reaches({**TREE, "shop/unknown.yaml": _policy("unknown", spec)})
    assert not reach.verdict(EGRESS, dns, "UDP", 53).certain
    assert reach.unread == ("a CiliumNetworkPolicy in a manifest with values that are not known, shop/unknown.yaml:1",)


def test_a_policy_of_another_namespace_or_rejected_for_what_is_known_says_nothing() -> None:
    elsewhere = _policy("elsewhere", SHAPES["a protocol"], namespace="other")
    mixed = f"{{endpointSelector: {{}}, egress: [{{{DNS_PEER}, toEntities: [world]}}, {{toCIDR: ['${{CIDR}}']}}]}}"
    (reach,), dns = _reaches({**TREE, "other/a.yaml": elsewhere, "shop/mixed.yaml": _policy("mixed", mixed)})
    assert reach.verdict(EGRESS, dns, "UDP", 53).certain
    assert reach.unread == ()


def test_pods_that_differ_by_the_name_of_their_workload_alone_are_judged_once() -> None:
    files = {
        **TREE,
        "shop/more.yaml": _workload("web-two", "shop", "{app: web}"),
        "shop/other.yaml": _workload("web-blue", "shop", "{app: web, color: blue}"),
        "shop/blue.yaml": _policy("blue", f"{{endpointSelector: {{matchLabels: {{color: blue}}}}, {DNS_RULE}}}"),
    }
    reaches, dns = _reaches(files)
    by_name = {reach.workload.name: reach for reach in reaches if reach.workload is not None}
    assert by_name["web"].judged is by_name["web-two"].judged
    answers = {name: reach.verdict(EGRESS, dns, "UDP", 53) for name, reach in by_name.items()}
    assert answers["web"] is answers["web-two"]
    assert {name: answer.allowed for name, answer in answers.items()} == {
        "web": False,
        "web-two": False,
        "web-blue": True,
    }
