"""`cnpfix explain --symptom`, and the catalogue that it searches."""

from __future__ import annotations

import pytest

from rewriter.catalogue import read_symptoms, search
from rewriter.passes import PASSES
from tests.cli.support import cnpfix


@pytest.mark.parametrize(
    ("text", "pass_id"),
    [
        ("DNS works, curl times out", "fqdn-without-dns"),
        ("the name resolves but the connection hangs", "fqdn-without-dns"),
        ("could not resolve host", "dns-refused"),
        ("policy applied but nothing is blocked", "unselected-subject"),
        ("works in one cluster only", "cluster-entity"),
        ("kubectl apply refused", "unknown-field"),
        ("strict decoding error: unknown field", "unknown-field"),
        ("Combining ToServices and ToPorts is not supported yet", "service-with-ports"),
        ("after the upgrade to 1.19", "implicit-cluster"),
        ("after the upgrade to 1.20", "removed-l7"),
        ("prometheus can't scrape my pods", "missing-namespace"),
        ("failed calling webhook", "api-server"),
        ("503 from the gateway", "ingress-entity"),
        ("pod cannot reach 10.96.0.1:443", "api-server"),
        ("node NotReady", "host-firewall"),
        ("ingress allowed but egress of the client denied", "one-sided"),
        ("ingress: [] does not deny", "no-rules"),
        ("pods cannot resolve names after policy", "dns-refused"),
        ("alpine image cannot resolve, ubuntu can", "dns-refused"),
        ("ingress 503 upstream timeout", "ingress-entity"),
        ("pod has no internet access", "deny-only"),
        ("connection to database in other namespace refused", "missing-namespace"),
        ("liveness probe fails", "service-address"),
        ("deny rule does not block traffic", "internal-cidr"),
        ("world can still reach my pod", "unselected-subject"),
        ("own domain not reachable from inside cluster", "fqdn-never-matches"),
        ("kubectl logs fails after enabling host firewall", "host-firewall"),
        ("hubble: Policy denied DROPPED", "one-sided"),
        ("LoadBalancer IP not reachable from pod", "service-address"),
        ("git clone from github fails in flux", "fqdn-without-dns"),
        ("after upgrade to 1.19 cross cluster traffic dropped", "implicit-cluster"),
    ],
)
def test_a_description_leads_to_the_pass(text: str, pass_id: str) -> None:
    ran = cnpfix("explain", "--symptom", text)
    assert ran.code == 0
    assert f" {pass_id}" in ran.out


@pytest.mark.parametrize(
    ("text", "pass_id"),
    [
        ("service unreachable by cluster ip", "service-address"),
        ("cluster ip not reachable", "service-address"),
        ("prometheus cannot scrape", "unscraped-pods"),
    ],
)
def test_the_likeliest_page_comes_first(text: str, pass_id: str) -> None:
    first = cnpfix("explain", "--symptom", text).out.partition("found by")[2].splitlines()[0]
    assert f" {pass_id}" in first


@pytest.mark.parametrize("text", ["asdf qwer", "my dog ate the cable", "the", "?"])
def test_words_that_mean_no_symptom_find_none(text: str) -> None:
    ran = cnpfix("explain", "--symptom", text)
    assert (ran.code, ran.out) == (1, "")
    assert "no symptom is like" in ran.err


@pytest.mark.parametrize("symptom", read_symptoms(), ids=lambda symptom: symptom.symptom)
def test_each_symptom_is_found_by_its_own_words_first(symptom: object) -> None:
    (each,) = (known for known in read_symptoms() if known is symptom)
    assert search(each.symptom, read_symptoms())[0] is each
    for words in each.words:
        assert search(words, read_symptoms()), words


def test_every_pass_stands_under_a_symptom_and_every_name_is_a_pass() -> None:
    assert {name for each in read_symptoms() for name in each.passes} == {each.id for each in PASSES}


@pytest.mark.parametrize("arguments", [(), ("CNP001", "--symptom", "dns"), ("--symptom", " ")])
def test_an_id_or_a_description(arguments: tuple[str, ...]) -> None:
    ran = cnpfix("explain", *arguments)
    assert ran.code == 2
    assert ran.err.startswith("cnpfix: ") and ran.err.count("\n") == 1
