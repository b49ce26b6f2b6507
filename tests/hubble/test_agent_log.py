"""Policies that agents refused, from their logs."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from rewriter.inventory.facts.model import RunningPolicy, Source
from rewriter.inventory.hubble.agent_log import AgentLogError, dead_in_snapshots, read_agent_logs

LOGRUS = (
    'time="2026-01-31T08:55:49Z" level=warning msg="Unable to add CiliumNetworkPolicy" ciliumNetworkPolicyName=web '
    'error="Invalid CiliumNetworkPolicy spec: Combining ToServices and ToPorts is not supported yet" k8sApiVersion= '
    "k8sNamespace=shop subsys=k8s-watcher"
)
SLOG = (
    "time=2026-01-31T08:55:49.123Z level=warn source=/go/src/x.go:12 "
    'msg="Unable to add CiliumNetworkPolicy" module=agent.controlplane ciliumNetworkPolicyName=api k8sAPIVersion="" '
    'k8sNamespace=shop error="Invalid CiliumNetworkPolicy specs: label \\"a b\\" is bad"'
)
JSON = (
    '{"level":"warning","msg":"Unable to add CiliumNetworkPolicy","ciliumNetworkPolicyName":"everyone",'
    '"k8sNamespace":"","error":"Invalid CiliumClusterwideNetworkPolicy spec: rule must have a selector"}'
)
RETRY = (
    'level=error msg="Failed to add policy" error="failed to parse CiliumNetworkPolicy prod/db: '
    'Invalid CiliumNetworkPolicy spec: empty policy"'
)
NOISE = [
    "",
    'level=info msg="Imported CiliumNetworkPolicy" ciliumNetworkPolicyName=good k8sNamespace=shop',
    "Unable to add CiliumNetworkPolicy",
    '{"msg": "Unable to add CiliumNetworkPolicy", ',
    "\x1b[31mInvalid CiliumNetworkPolicy spec",
]


def test_every_form(tmp_path: Path) -> None:
    log = tmp_path / "agent.log"
    prefixed = f"[pod/cilium-x/cilium-agent] 2026-01-31T08:55:49.1Z stderr F {JSON}"
    log.write_text("\n".join([*NOISE, LOGRUS, SLOG, prefixed, RETRY, *NOISE]))
    assert [(dead.namespace, dead.name, dead.reason, dead.source.line) for dead in read_agent_logs([log])] == [
        ("shop", "web", "Invalid CiliumNetworkPolicy spec: Combining ToServices and ToPorts is not supported yet", 6),
        ("shop", "api", 'Invalid CiliumNetworkPolicy specs: label "a b" is bad', 7),
        ("", "everyone", "Invalid CiliumClusterwideNetworkPolicy spec: rule must have a selector", 8),
        ("prod", "db", "Invalid CiliumNetworkPolicy spec: empty policy", 9),
    ]


def test_a_policy_refused_again_and_again_is_told_once_and_gzip_is_read(tmp_path: Path) -> None:
    log = tmp_path / "agent.log.gz"
    log.write_bytes(gzip.compress(f"{LOGRUS}\n".encode() * 50))
    found = read_agent_logs([log])
    assert [str(dead.source) for dead in found] == [f"{log}:50"]


def test_a_policy_accepted_later_is_not_dead(tmp_path: Path) -> None:
    log = tmp_path / "agent.log"
    accepted = 'level=info msg="Imported CiliumNetworkPolicy" ciliumNetworkPolicyName=web k8sNamespace=shop'
    log.write_text(f"{LOGRUS}\n{accepted}\n")
    assert read_agent_logs([log]) == []
    log.write_text(f"{accepted}\n{LOGRUS}\n")
    assert len(read_agent_logs([log])) == 1


def test_a_log_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(AgentLogError, match=r"none: cannot be read: No such file"):
        read_agent_logs([tmp_path / "none"])


def test_the_status_in_a_snapshot_tells_the_same() -> None:
    manifest = {"kind": "CiliumNetworkPolicy", "metadata": {"name": "web", "namespace": "shop"}}
    source = Source("mesh.json")
    running = [RunningPolicy(manifest, "a", source, "mixed peers"), RunningPolicy(manifest, "b", source)]
    assert [(dead.cluster, dead.evidence) for dead in dead_in_snapshots(running)] == [
        ("a", "not enforced: mixed peers, mesh.json")
    ]
