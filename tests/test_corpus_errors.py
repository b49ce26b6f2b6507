"""Every finding of severity error on real manifests, each read by a person. A new one must be read before it is added.

There are fewer than a hundred over these upgrades, so the list holds all of them and not a sample.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.support import cnpfix

CORPUS = Path(__file__).parent.parent.parent / "shared" / "corpus"
UPGRADES = [("1.15", "1.20"), ("1.18", "1.19"), ("1.19", "1.20")]

_BAD = "policies/np-guard+netpol-analyzer/tests/"
_CASSANDRA = (
    "policies/kubearmor+policy-templates/cassandra/network/cnp-ingress-cassandra-server-access-least-privilege.yaml"
)
_PG = "gitops/JJGadgets+Biohazard/.archive/kube/deploy/core/db/pg/clusters/"
_KELCHM = "gitops/kelchm+home-lab/kubernetes/apps/"
_CERT_MANAGER = "gitops/theepicsaxguy+homelab/k8s/infrastructure/controllers/cert-manager/network-policy.yaml"
_ALWAYS = frozenset(UPGRADES)
_FROM_1_15 = frozenset({("1.15", "1.20")})
_TO_1_20 = frozenset({("1.15", "1.20"), ("1.19", "1.20")})

#: File, line and code of each finding, the upgrades in which it is an error, and why it is right.
REVIEWED = {
    ("policies/isovalent+cilium-up-and-running/chapter12/invalid-policy.yaml", 13, "CNP001"): (
        _ALWAYS,
        "toEndpoints and toEntities in one item; the book shows it as its invalid policy",
    ),
    (f"{_PG}default/netpol.yaml", 130, "CNP002"): (
        _FROM_1_15,
        "k8sServiceSelector with ports 5432 is rejected by 1.15; the Service is made by an operator, so not known",
    ),
    (f"{_PG}enc/netpol.yaml", 118, "CNP002"): (_FROM_1_15, "the same for the other database"),
    (f"{_KELCHM}ai/metamcp/app/networkpolicy.yaml", 60, "CNP002"): (
        _FROM_1_15,
        "toServices traefik-services with port 8443 is rejected by 1.15; its Service comes from a chart",
    ),
    (f"{_KELCHM}printing/bambuddy/app/networkpolicy.yaml", 69, "CNP002"): (_FROM_1_15, "the same Service and port"),
    (_CERT_MANAGER, 75, "CNP002"): (
        _FROM_1_15,
        "k8sServiceSelector provider=kubernetes with port 443 is rejected by 1.15; no manifest has that Service",
    ),
    (_CASSANDRA, 20, "CNP009"): (_TO_1_20, "l7proto cassandra with three queries; 1.20 opens 9042 to the whole client"),
    (_CASSANDRA, 36, "CNP009"): (_TO_1_20, "l7proto cassandra with an empty query; 1.20 drops the proxy all the same"),
    ("policies/kubearmor+policy-templates/pci-dss/network/cnp-pci-dss-10-ingress.yaml", 14, "CNP014"): (
        _ALWAYS,
        'port "514 " has a blank at its end and is no number',
    ),
    (f"{_BAD}bad_netpols/subdir1/netpols.yaml", 22, "CNP014"): (_ALWAYS, "ipBlock.cidr is the letter A"),
    (f"{_BAD}bad_netpols/subdir2/netpols.yaml", 22, "CNP014"): (_ALWAYS, "@ in a label key"),
    (f"{_BAD}bad_netpols/subdir3/netpols.yaml", 9, "CNP014"): (_ALWAYS, "podSelector and ipBlock in one peer"),
    (f"{_BAD}bad_netpols/subdir4/netpols.yaml", 9, "CNP014"): (_ALWAYS, "a peer with nothing in it"),
    (f"{_BAD}bad_netpols/subdir7/resources.yaml", 158, "CNP014"): (_ALWAYS, "$ in a label value"),
    (f"{_BAD}np_bad_path_test_2/netpols.yaml", 14, "CNP014"): (_ALWAYS, "endPort beside a named port"),
    (f"{_BAD}np_test_with_empty_port_range/netpol.yaml", 15, "CNP014"): (_ALWAYS, "endPort 1 is below port 10"),
}


def test_the_corpus_is_there() -> None:
    if not CORPUS.is_dir():
        pytest.skip("no corpus of real manifests in ../shared/corpus")


@pytest.mark.skipif(not CORPUS.is_dir(), reason="no corpus of real manifests in ../shared/corpus")
@pytest.mark.parametrize("upgrade", UPGRADES, ids=lambda pair: f"{pair[0]}-{pair[1]}")
def test_every_error_was_reviewed(upgrade: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CORPUS)
    source, target = upgrade
    report = json.loads(cnpfix("--format", "json", "--from", source, "--to", target, ".").out)
    found = {(item["file"], item["line"], item["code"]) for item in report["findings"] if item["severity"] == "error"}
    expected = {place for place, (upgrades, _) in REVIEWED.items() if upgrade in upgrades}
    assert found - expected == set(), "read these, then add them with a reason or mend the pass"
    assert expected - found == set(), "these are no longer found"


def test_every_review_gives_its_reason() -> None:
    assert all(reason for _, reason in REVIEWED.values())
