"""Peers on the host network: what is to be done where a rule, or none, lets their nodes through."""

from __future__ import annotations

import pytest

from rewriter.finding import Applicability, Severity
from rewriter.passes.host_network_peer import find
from tests.passes.policies import cnp
from tests.passes.support import Facts, run, workload

EXPORTER = workload("exporter", "mon", {"app": "ne"}, host_network=True)
PEER = "toEndpoints: [{matchLabels: {app: ne, io.kubernetes.pod.namespace: mon}}]"


@pytest.mark.parametrize(
    ("rules", "applicability", "severity", "advice"),
    [
        (f"egress: [{{{PEER}}}]", Applicability.UNSAFE, Severity.ERROR, "name the nodes, which lets any process"),
        (
            f"egress: [{{{PEER}}}, {{toEntities: [cluster]}}]",
            Applicability.MANUAL,
            Severity.NOTE,
            "a wider rule beside it lets the nodes through",
        ),
    ],
)
def test_advice_fits_what_lets_the_nodes_through(
    rules: str, applicability: Applicability, severity: Severity, advice: str
) -> None:
    only = run(find, cnp(rules), Facts(workloads=[EXPORTER])).only
    assert (only.applicability, only.severity) == (applicability, severity)
    assert only.advice.startswith(advice)


def test_pods_of_a_network_of_their_own_are_left_alone() -> None:
    pods = workload("exporter", "mon", {"app": "ne"})
    assert run(find, cnp(f"egress: [{{{PEER}}}]"), Facts(workloads=[pods])).findings == []
