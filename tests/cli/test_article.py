"""The four mistakes that people make most, and what comes of the obvious fixes: every flow, in words and by engine.

`examples/four-mistakes` holds each policy as it was and as the obvious fix has it. A case says by hand what the rewrite
changes: the statements that `impact` must print, no more and no less, and for each the peers it means among the
identities of a small mesh. The verdict engine, asked flow by flow, must find exactly these changes.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from rewriter.cilium.cidr import parse_prefix_or_address
from rewriter.cilium.identity import RESERVED_IDENTITIES, Identity, outside_identity, reserved_identity
from rewriter.cilium.labels import pod_labels
from rewriter.cilium.policy_set import compile_policies
from rewriter.cilium.settings import Facts, ServiceView, Settings
from rewriter.cilium.verdict import Engine
from rewriter.cilium.version import Version, parse_version
from tests.cli.support import cnpfix

MISTAKES = Path(__file__).parents[2] / "examples" / "four-mistakes"


def _pod(name: str) -> Identity:
    """`cluster/namespace/app`."""
    cluster, namespace, app = name.split("/")
    return Identity(name, pod_labels(cluster=cluster, namespace=namespace, labels={"app": app}))


LOCAL = {
    f"cluster-a/{pod}"
    for pod in ("default/myclient", "default/db", "shop/web", "shop/api", "shop/monitoring-agent", "prod/db",
                "prod/web", "monitoring/monitoring-agent", "monitoring/web")
}  # fmt: skip
REMOTE = {pod.replace("cluster-a/", "cluster-b/") for pod in LOCAL}
ENTITIES = set(RESERVED_IDENTITIES) - {"world"}
#: An office, a machine with a private address that is no part of the mesh, and strangers of both families.
OFFICE, MACHINE, STRANGERS = "203.0.113.7", "10.200.0.9", {"198.51.100.1", "2001:db8::1"}
OUTSIDE = {OFFICE, MACHINE, *STRANGERS}
EVERYONE = LOCAL | REMOTE | ENTITIES | OUTSIDE
#: The ports that are tried, the last for all that no policy names.
PORTS = ("3306/TCP", "9090/TCP", "3306/UDP", "13306/TCP", "4711/TCP")
DB = ServiceView("prod", "db-service", {"app": "db"})

Meant = tuple[set[str], tuple[str, ...]]
"""Peers by name, and ports."""


def of(namespace: str, pods: set[str]) -> set[str]:
    return {pod for pod in pods if pod.split("/")[1] == namespace}


def app(name: str, pods: set[str]) -> set[str]:
    return {pod for pod in pods if pod.split("/")[2] == name}


@dataclass(frozen=True)
class Case:
    """A rewrite from one release to another, and what it changes for `subject`: statement → whom it means.

    Without `after`, cnpfix itself rewrites; `service` is the port of the database that is not the Service's.
    """

    before: str
    after: str | None
    subject: str
    upgrade: tuple[str, str]
    direction: str = "ingress"
    opened: Mapping[str, Meant] = field(default_factory=dict)
    closed: Mapping[str, Meant] = field(default_factory=dict)
    state: str = ""
    service: int = 3306


CLIENT = "egress from pods with app=myclient of namespace default to"
WEB = "ingress to pods with app=web of namespace shop from"
API = "ingress to pods with app=api of namespace shop from"
OUT = "egress from pods with app=api of namespace shop to"
#: What `cluster` means beside pods. The local host is let in whatever a policy says.
REST = ENTITIES - {"host"}
REST_WORDS = "the entities health, ingress, init, kube-apiserver, remote-node and unmanaged"
AGENTS = "pods with app=monitoring-agent of namespace"
NOW, SAME = ("1.18", "1.19"), ("1.18", "1.18")
ALL_BUT_3306 = tuple(port for port in PORTS if port != "3306/TCP")

#: What closes once the client of the first case may reach its database on one port only.
SHUT_IN = {
    f"{CLIENT} anything except pods with app=db of namespace prod on every port": (
        EVERYONE - {"cluster-a/prod/db", "cluster-b/prod/db"},
        PORTS,
    ),
    f"{CLIENT} pods with app=db of namespace prod on every port except 3306/TCP": (
        {"cluster-a/prod/db", "cluster-b/prod/db"},
        ALL_BUT_3306,
    ),
}

CASES = {
    # A Service and a port in one rule: rejected up to 1.16, so that the client is open. The fix shuts it in.
    "service-and-port, fixed where the policy is dead": Case(
        "service-and-port/before.yaml",
        "service-and-port/after.yaml",
        "cluster-a/default/myclient",
        ("1.16", "1.16"),
        "egress",
        closed=SHUT_IN,
        state="starts being enforced",
    ),
    "service-and-port, left to wake up": Case(
        "service-and-port/before.yaml",
        "service-and-port/before.yaml",
        "cluster-a/default/myclient",
        ("1.16", "1.17"),
        "egress",
        closed=SHUT_IN,
        state="starts being enforced",
    ),
    "service-and-port, fixed where the policy is in force": Case(
        "service-and-port/before.yaml",
        "service-and-port/after.yaml",
        "cluster-a/default/myclient",
        SAME,
        "egress",
    ),
    "service-and-port, and the upgrade": Case(
        "service-and-port/before.yaml",
        "service-and-port/after.yaml",
        "cluster-a/default/myclient",
        NOW,
        "egress",
        closed={f"{CLIENT} pods with app=db of namespace prod in cluster-b on 3306/TCP": (
            {"cluster-b/prod/db"},
            ("3306/TCP",),
        )},
    ),
    # A CIDR never let pods in. The fix lets in more than pods, and no pods of the other cluster.
    "internal-range, the entity in place of the range": Case(
        "internal-range/before.yaml",
        "internal-range/after.yaml",
        "cluster-a/shop/web",
        NOW,
        opened={f"{WEB} any pod in cluster-a and {REST_WORDS} on every port": (LOCAL | REST, PORTS)},
        closed={f"{WEB} 10.0.0.0/8 outside the mesh on every port": ({MACHINE}, PORTS)},
    ),
    # `cluster` never meant the other cluster. The label alone stays in the policy's own namespace.
    "whole-mesh, the label in place of the entity": Case(
        "whole-mesh/before.yaml",
        "whole-mesh/after.yaml",
        "cluster-a/shop/api",
        NOW,
        opened={f"{API} any pod of namespace shop in cluster-b on every port": (of("shop", REMOTE), PORTS)},
        closed={
            f"{API} any pod of namespaces other than shop in cluster-a and {REST_WORDS} on every port": (
                (LOCAL - of("shop", LOCAL)) | REST,
                PORTS,
            )
        },
    ),
    "whole-mesh, the label and every namespace in place of the entity": Case(
        "whole-mesh/before.yaml",
        "whole-mesh/with-namespaces.yaml",
        "cluster-a/shop/api",
        NOW,
        opened={f"{API} any pod in cluster-b on every port": (REMOTE, PORTS)},
        closed={f"{API} {REST_WORDS} on every port": (REST, PORTS)},
    ),
    "whole-mesh, the label beside the entity": Case(
        "whole-mesh/before.yaml",
        "whole-mesh/beside.yaml",
        "cluster-a/shop/api",
        NOW,
        opened={f"{API} any pod of namespace shop in cluster-b on every port": (of("shop", REMOTE), PORTS)},
    ),
    # On the way out the local host is an entity like the others, and is lost with them.
    "whole-mesh, the label in place of the entity on egress": Case(
        "whole-mesh/egress-before.yaml",
        "whole-mesh/egress-after.yaml",
        "cluster-a/shop/api",
        NOW,
        "egress",
        opened={f"{OUT} any pod of namespace shop in cluster-b on every port": (of("shop", REMOTE), PORTS)},
        closed={
            f"{OUT} any pod of namespaces other than shop in cluster-a and the entities health, host, ingress, init, "
            "kube-apiserver, remote-node and unmanaged on every port": ((LOCAL - of("shop", LOCAL)) | ENTITIES, PORTS)
        },
    ),
    # A selector means the policy's own namespace, in every cluster up to 1.18 and in its own from 1.19.
    "other-namespace, named": Case(
        "other-namespace/before.yaml",
        "other-namespace/after.yaml",
        "cluster-a/shop/web",
        SAME,
        opened={f"{WEB} {AGENTS} monitoring on 9090/TCP": (
            of("monitoring", app("monitoring-agent", LOCAL | REMOTE)),
            ("9090/TCP",),
        )},
        closed={f"{WEB} {AGENTS} shop on 9090/TCP": (
            of("shop", app("monitoring-agent", LOCAL | REMOTE)),
            ("9090/TCP",),
        )},
    ),
    "other-namespace, named, and the upgrade": Case(
        "other-namespace/before.yaml",
        "other-namespace/after.yaml",
        "cluster-a/shop/web",
        NOW,
        opened={f"{WEB} {AGENTS} monitoring in cluster-a on 9090/TCP": (
            {"cluster-a/monitoring/monitoring-agent"},
            ("9090/TCP",),
        )},
        closed={f"{WEB} {AGENTS} shop on 9090/TCP": (
            of("shop", app("monitoring-agent", LOCAL | REMOTE)),
            ("9090/TCP",),
        )},
    ),
    "other-namespace, forgotten, and the upgrade": Case(
        "other-namespace/before.yaml",
        "other-namespace/before.yaml",
        "cluster-a/shop/web",
        NOW,
        closed={f"{WEB} {AGENTS} shop in cluster-b on 9090/TCP": (
            {"cluster-b/shop/monitoring-agent"},
            ("9090/TCP",),
        )},
    ),
    # What cnpfix makes of them itself.
    "service-and-port, by cnpfix": Case(
        "service-and-port/before.yaml",
        None,
        "cluster-a/default/myclient",
        SAME,
        "egress",
    ),
    "service-and-port, by cnpfix, where the database listens on another port": Case(
        "service-and-port/before.yaml",
        None,
        "cluster-a/default/myclient",
        SAME,
        "egress",
        opened={f"{CLIENT} pods with app=db of namespace prod on 13306/TCP": (
            {"cluster-a/prod/db", "cluster-b/prod/db"},
            ("13306/TCP",),
        )},
        closed={f"{CLIENT} pods with app=db of namespace prod on 3306/TCP": (
            {"cluster-a/prod/db", "cluster-b/prod/db"},
            ("3306/TCP",),
        )},
        service=13306,
    ),
    "internal-range, by cnpfix": Case(
        "internal-range/before.yaml",
        None,
        "cluster-a/shop/web",
        NOW,
        opened={f"{WEB} any pod and {REST_WORDS} on every port": (LOCAL | REMOTE | REST, PORTS)},
    ),
    "whole-mesh, by cnpfix": Case(
        "whole-mesh/before.yaml",
        None,
        "cluster-a/shop/api",
        NOW,
        opened={f"{API} any pod in cluster-b on every port": (REMOTE, PORTS)},
    ),
    "other-namespace, by cnpfix": Case(
        "other-namespace/before.yaml",
        None,
        "cluster-a/shop/web",
        NOW,
        opened={f"{WEB} {AGENTS} monitoring on 9090/TCP": (
            of("monitoring", app("monitoring-agent", LOCAL | REMOTE)),
            ("9090/TCP",),
        )},
        closed={f"{WEB} {AGENTS} shop on 9090/TCP": (
            of("shop", app("monitoring-agent", LOCAL | REMOTE)),
            ("9090/TCP",),
        )},
    ),
}  # fmt: skip


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    """A case, in a copy of the example."""
    found = CASES[request.param]
    shutil.copytree(MISTAKES, tmp_path / "mesh")
    monkeypatch.chdir(tmp_path / "mesh")
    facts = Path("facts/a/workloads.yaml")
    port = "port: 3306"
    assert port in facts.read_text()
    facts.write_text(facts.read_text().replace(port, f"{port}, targetPort: {found.service}"))
    return found


def _impact(case: Case, format_: str) -> str:
    source, target = case.upgrade
    files = ["--unsafe-fixes", case.before] if case.after is None else ["--before", case.before, case.after]
    done = cnpfix("impact", "--from", source, "--to", target, *files, "--format", format_, "--color", "never")
    assert done.code == 0, done.err
    return done.out


def _bare(flow: str) -> str:
    """A flow without the remark that the example has no such pods."""
    return re.sub(r" \(no such [a-z ]+ is known\)$", "", flow)


def test_impact_states_every_flow(case: Case) -> None:
    found = json.loads(_impact(case, "json"))["policies"]
    if not (case.opened or case.closed):
        assert found == []
        return
    (item,) = found
    assert [_bare(flow) for flow in item["fixed"]["opened"]] == list(case.opened)
    assert [_bare(flow) for flow in item["fixed"]["closed"]] == list(case.closed)
    assert item["fixed"]["state"] == case.state


@pytest.mark.parametrize(("format_", "mark"), [("text", ""), ("markdown", "- ")])
def test_people_read_the_same(case: Case, format_: str, mark: str) -> None:
    """Every statement, under the word that says what becomes of it."""
    shown = " ".join(_impact(case, format_).replace("\\", "").split())
    for word, statements in (("opens", list(case.opened)), ("closes", list(case.closed))):
        if statements:
            assert f" {mark}{word} {statements[0]}" in shown
        assert all(statement in shown for statement in statements)
    if not case.opened:
        assert "opens" not in shown


def test_the_verdict_engine_finds_the_same_flow_by_flow(case: Case) -> None:
    told = [
        (change, peer, port)
        for change, statements in (("opened", case.opened), ("closed", case.closed))
        for peers, ports in statements.values()
        for peer in peers
        for port in ports
    ]
    assert len(told) == len(set(told)), "a flow is reported twice"
    source, target = map(parse_version, case.upgrade)
    old = _allowed(case, yaml.safe_load(Path(case.before).read_text()), source)
    if case.after is None:
        cnpfix("--write", "--unsafe-fixes", "--from", str(source), "--to", str(target), case.before)
    new = _allowed(case, yaml.safe_load(Path(case.after or case.before).read_text()), target)
    assert {("opened", *flow) for flow in new - old} | {("closed", *flow) for flow in old - new} == set(told)


def _allowed(case: Case, manifest: dict[str, Any], release: Version) -> set[tuple[str, str]]:
    """The flows of the subject that a policy allows on a release: peer and port."""
    settings = Settings(release, "cluster-a", default_local_cluster=release >= parse_version("1.19"))
    policies = compile_policies([manifest], settings, Facts(services=(DB,)))
    engine = Engine(policies, [*map(_identity, sorted(EVERYONE))])
    flows = set()
    for peer in EVERYONE:
        for port in PORTS:
            number, _, protocol = port.partition("/")
            if case.direction == "egress":
                verdict = engine.verdict(case.subject, peer, protocol, int(number)).egress
            else:
                verdict = engine.verdict(peer, case.subject, protocol, int(number)).ingress
            if verdict.allowed:
                flows.add((peer, port))
    return flows


def _identity(name: str) -> Identity:
    if "/" in name:
        return _pod(name)
    if name in ENTITIES:
        return reserved_identity(name)
    return outside_identity(parse_prefix_or_address(name), name=name)
