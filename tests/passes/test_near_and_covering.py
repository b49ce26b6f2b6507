"""Indexes answer as a look at everything does."""

from __future__ import annotations

import random
from typing import Any

from rewriter.cilium.cidr import parse_prefix
from rewriter.cilium.compile import Entry, PortGrant
from rewriter.cilium.labels import NAMESPACE_LABEL, NAMESPACE_NAME_KEY
from rewriter.cilium.policy import read_policy
from rewriter.cilium.ports import EVERYTHING, PortMatch
from rewriter.cilium.terms import ANYTHING, NOTHING, CidrTerm, Condition, FqdnTerm, LabelTerm, Term, label_term
from rewriter.passes.kit.changes.coverage import covered
from rewriter.passes.kit.changes.covering import Covering
from rewriter.passes.kit.enforced.enforcement import may_share_pods
from rewriter.passes.kit.sides.neighbours import Neighbours

_VALUES = ("a", "b", "c")
ALL = (PortGrant(EVERYTHING),)


def _selector(rng: random.Random) -> dict[str, Any]:
    labels = {key: rng.choice(_VALUES) for key in ("app", "tier") if rng.random() < 0.5}
    operator = rng.choice(("In", "NotIn", "Exists", "DoesNotExist"))
    values = {"values": rng.sample(_VALUES, 2)} if operator in ("In", "NotIn") else {}
    expressions = [{"key": rng.choice(("app", "team")), "operator": operator, **values}] if rng.random() < 0.5 else []
    return {"matchLabels": labels, "matchExpressions": expressions}


def _manifest(rng: random.Random, number: int) -> dict[str, Any]:
    kind = rng.choice(("CiliumNetworkPolicy", "CiliumClusterwideNetworkPolicy", "NetworkPolicy"))
    metadata = {"name": f"p{number}"}
    if kind != "CiliumClusterwideNetworkPolicy":
        metadata["namespace"] = rng.choice(("one", "two"))
    if kind == "NetworkPolicy":
        spec = {"podSelector": _selector(rng)}
        return {"apiVersion": "networking.k8s.io/v1", "kind": kind, "metadata": metadata, "spec": spec}
    subject = "nodeSelector" if kind != "CiliumNetworkPolicy" and rng.random() < 0.2 else "endpointSelector"
    specs = [{subject: _selector(rng), "ingress": [{}]} for _ in range(rng.choice((1, 1, 2)))]
    return {"apiVersion": "cilium.io/v2", "kind": kind, "metadata": metadata, "specs": specs}


def test_no_policy_that_may_share_pods_is_left_out() -> None:
    rng = random.Random(1)
    for _ in range(40):
        policies = [read_policy(_manifest(rng, number)) for number in range(25)]
        index = Neighbours(policies)
        for own in policies:
            sharing = [
                other
                for other in policies
                if any(may_share_pods(own, spec, other, each) for spec in own.specs for each in other.specs)
            ]
            near = list(index.near([own]))
            assert [each for each in near if each in sharing] == sharing
            assert near == [each for each in policies if each in near]


def test_most_policies_of_other_pods_are_left_out() -> None:
    policies = [
        read_policy(
            {
                "apiVersion": "networking.k8s.io/v1",
                "kind": "NetworkPolicy",
                "metadata": {"name": f"p{number}", "namespace": "shop"},
                "spec": {"podSelector": {"matchLabels": {"app": f"a{number}"}}},
            }
        )
        for number in range(10)
    ]
    assert list(Neighbours(policies).near([policies[3]])) == [policies[3]]


def _term(rng: random.Random) -> Term:
    draw = rng.random()
    if draw < 0.05:
        return rng.choice((ANYTHING, NOTHING))
    if draw < 0.3:
        exceptions = (parse_prefix("10.1.1.0/24"),) if rng.random() < 0.3 else ()
        return CidrTerm(parse_prefix(rng.choice(("0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.1.0/24"))), exceptions)
    if draw < 0.4:
        name = rng.choice(("a.example.com", "b.example.com"))
        return FqdnTerm(name, name)
    conditions = []
    for key in rng.sample(("app", "tier", "team", NAMESPACE_LABEL, NAMESPACE_NAME_KEY), rng.choice((1, 2))):
        operator = rng.choice(("In", "In", "NotIn", "Exists", "DoesNotExist"))
        values = tuple(sorted(rng.sample(_VALUES, rng.choice((1, 2))))) if operator in ("In", "NotIn") else ()
        conditions.append(Condition(rng.choice(("k8s", "any")), key, operator, values))
    return label_term(conditions)


def test_the_name_of_a_namespace_is_the_namespace() -> None:
    by_name, by_label = (
        Entry(
            "", "egress", False, True, LabelTerm(), False, (label_term([Condition(source, key, "In", ("dns",))]),), ALL
        )
        for source, key in (("k8s", NAMESPACE_LABEL), ("any", NAMESPACE_NAME_KEY))
    )
    assert covered([by_name], [by_label]) and covered([by_label], [by_name])


def _entry(rng: random.Random) -> Entry:
    ports = rng.choice((EVERYTHING, PortMatch("TCP", 80, 80), PortMatch("ANY", 80, 90), PortMatch("TCP", 1, 100)))
    peers = tuple(_term(rng) for _ in range(rng.choice((0, 1, 1, 2))))
    return Entry("", "ingress", False, True, LabelTerm(), False, peers, (PortGrant(ports),))


def test_an_index_of_rules_answers_as_all_of_them_do() -> None:
    rng = random.Random(2)
    answers = []
    for _ in range(400):
        rules = [_entry(rng) for _ in range(8)]
        index = Covering()
        for number, entry in enumerate(rules):
            index.add(number, [entry])
        for number, entry in enumerate(rules):
            others = rules[:number] + rules[number + 1 :]
            answers.append(covered([entry], others))
            assert index.covers([entry], but=number) == answers[-1]
    assert 200 < sum(answers) < len(answers) - 200
