"""What an upgrade or a fix changes is what changes: not what other policies of the same pods decide anyway."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.cli.support import cnpfix
from tests.semantics.repository import WEB, Manifest, app, ccnp, cnp, namespace, text

APPS = [
    namespace("shop"),
    namespace("prod", team="core"),
    app("shop/web"),
    app("shop/api"),
    app("prod/db"),
    app("prod/agent", host_network=True),
]
#: From 1.16 on, a key of a namespace's labels stands alone: the upgrade opens `web` to the namespace `prod`.
CORE = {"matchLabels": {"io.cilium.k8s.namespace.labels.team": "core"}}
OFF = {"enableDefaultDeny": {"ingress": False, "egress": False}}


def named(policy: Manifest, name: str) -> Manifest:
    return {**policy, "metadata": {**policy["metadata"], "name": name}}


def into_web(
    *rules: Manifest, deny: Sequence[Manifest] = (), name: str = "other", spec: Manifest | None = None
) -> Manifest:
    allow = {"ingress": list(rules)} if rules else {}
    denied = {"ingressDeny": list(deny)} if deny else {}
    return named(cnp("shop", {"endpointSelector": WEB, **allow, **denied, **(spec or {})}), name)


OPENING = into_web({"fromEndpoints": [CORE]}, name="opening")
ALL = {"fromEntities": ["all"]}
#: Other policies beside which the upgrade opens nothing.
DECIDED = {
    "a deny elsewhere": into_web(deny=[ALL]),
    "a clusterwide deny": ccnp({"endpointSelector": {}, "ingressDeny": [ALL]}),
    "a deny of these peers": into_web(
        ALL, deny=[{"fromEndpoints": [{"matchLabels": {"io.kubernetes.pod.namespace": "prod"}}]}]
    ),
    "another policy that allows all": into_web(ALL),
    "a clusterwide policy that allows all": ccnp({"endpointSelector": {}, "ingress": [ALL]}),
    "another policy that allows every pod": into_web(
        {"fromEndpoints": [{"matchExpressions": [{"key": "io.kubernetes.pod.namespace", "operator": "Exists"}]}]}
    ),
}
#: Other policies that decide on none of these flows.
BESIDE = {
    "nothing": [],
    "a default deny": [into_web({})],
    "a deny on another port": [into_web(deny=[{**ALL, "toPorts": [{"ports": [{"port": "9", "protocol": "TCP"}]}]}])],
    "a deny of other pods": [
        named(cnp("shop", {"endpointSelector": {"matchLabels": {"app": "api"}}, "ingressDeny": [ALL]}), "api")
    ],
}


def repository(folder: Path, policies: Sequence[Manifest]) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "apps.yaml").write_text(text(APPS))
    (folder / "policy.yaml").write_text(text(policies))


def impact(*arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(cnpfix("impact", "--format", "json", *arguments).out)
    return found


def opened(found: dict[str, Any], name: str) -> list[str]:
    return [flow for each in found["policies"] if each["name"] == name for flow in each["undone"]["opened"]]


def upgrade_changes(*arguments: str) -> list[dict[str, Any]]:
    report = json.loads(cnpfix("--format", "json", *arguments).out)
    return [each for each in report["findings"] if each["id"] == "upgrade-change" and each["name"] == "opening"]


UPGRADE = ("--from", "1.15", "--to", "1.16")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("other", DECIDED)
def test_what_others_decide_is_not_opened(other: str, here: Path) -> None:
    repository(here, [OPENING, DECIDED[other]])
    found = impact(*UPGRADE, ".")
    assert found["policies"] == []
    assert found["summary"]["undone"]["pairs_opened"] == 0
    assert upgrade_changes(*UPGRADE, ".") == []


@pytest.mark.parametrize("others", BESIDE)
def test_what_others_do_not_decide_is_opened(others: str, here: Path) -> None:
    repository(here, [OPENING, *BESIDE[others]])
    found = impact(*UPGRADE, ".")
    assert len(opened(found, "opening")) == 1
    assert found["undone"]["pairs"] and found["summary"]["undone"]["pairs_opened"] == 1
    assert len(upgrade_changes(*UPGRADE, ".")) == 1


def test_without_default_deny_nothing_opens_or_closes(here: Path) -> None:
    names_nodes = into_web({"fromEndpoints": [CORE]}, name="opening", spec=OFF)
    cluster = into_web({"fromEntities": ["cluster"]}, name="opening", spec=OFF)
    for policies, versions in (([names_nodes], ("1.16", "1.20")), ([cluster], ("1.18", "1.19"))):
        repository(here, policies)
        found = impact("--from", versions[0], "--to", versions[1], ".")
        assert found["policies"] == []


@pytest.mark.parametrize("known", [True, False], ids=["workloads known", "no workload known"])
def test_a_flow_that_two_policies_allow_closes_with_the_last(known: bool, here: Path) -> None:
    """Both die at 1.19 (fromRequires), a third keeps the pods in default deny. Alone, neither closes anything."""
    dying = {"fromEndpoints": [{"matchLabels": {"app": "api"}}], "fromRequires": [{}]}
    repository(here, [into_web(dying, name="one"), into_web(dying, name="two"), into_web({}, name="shut")])
    if not known:
        (here / "apps.yaml").unlink()
    found = impact("--from", "1.18", "--to", "1.19", "--exit-code", ".")
    assert {each["name"]: bool(each["undone"]["closed"]) for each in found["policies"]} == {"one": True, "two": True}


def test_what_either_of_two_new_policies_closes_is_closed(here: Path) -> None:
    """Each of the two is enough to shut the pods, and neither is needed for it."""
    repository(here / "before", [])
    repository(here / "after", [into_web({}, name="one"), into_web({}, name="two")])
    found = impact("--from", "1.19", "--to", "1.19", "--before", "before", "after")
    assert {each["name"]: bool(each["undone"]["closed"] or each["fixed"]["closed"]) for each in found["policies"]} == {
        "one": True,
        "two": True,
    }


def test_pods_on_the_host_network_are_no_pair(here: Path) -> None:
    repository(here / "before", [into_web({"fromEndpoints": [{"matchLabels": {"app": "none"}}]})])
    prod = {"fromEndpoints": [{"matchLabels": {"io.kubernetes.pod.namespace": "prod"}}]}
    repository(here / "after", [into_web(prod)])
    found = impact("--from", "1.19", "--to", "1.19", "--before", "before", "after")
    sources = [source for pair in found["fixed"]["pairs"] for source in pair["sources"]]
    assert {source.rpartition("/")[2] for source in sources} == {"db"}


def fixed_flows(*arguments: str) -> dict[str, Any]:
    report = json.loads(cnpfix("--format", "json", *arguments).out)
    flows: dict[str, Any] = next(each["flows"] for each in report["findings"] if each["name"] == "opening")
    return flows


RANGE = into_web({"fromCIDRSet": [{"cidr": "10.42.0.0/16"}]}, name="opening")
FACTS = '[[clusters]]\nname = "a"\nlocal = ["**"]\npod_cidrs = ["10.42.0.0/16"]\nnode_cidrs = ["10.9.0.0/24"]\n'


@pytest.mark.parametrize(
    ("others", "opens"),
    [([], True), ([into_web({})], True), ([into_web(ALL)], False), ([into_web(deny=[ALL])], False)],
    ids=["nothing", "a default deny", "another policy that allows all", "a deny elsewhere"],
)
def test_a_fix_opens_what_others_do_not_decide(others: Sequence[Manifest], opens: bool, here: Path) -> None:
    (here / "cnpfix.toml").write_text(FACTS)
    repository(here, [RANGE, *others])
    flows = fixed_flows("--from", "1.18", "--to", "1.19", "--select", "internal-cidr", ".")
    assert bool(flows["opened"]) is opens


def test_what_two_fixes_open_together_is_reported(here: Path) -> None:
    """Each allows the pods of the range that the other does too: beside the other as it is today, both open them."""
    (here / "cnpfix.toml").write_text(FACTS)
    twin = into_web({"fromCIDRSet": [{"cidr": "10.42.0.0/16"}]}, name="twin")
    repository(here, [RANGE, twin])
    report = json.loads(
        cnpfix("--format", "json", "--select", "internal-cidr", "--from", "1.18", "--to", "1.19", ".").out
    )
    assert [bool(each["flows"]["opened"]) for each in report["findings"]] == [True, True]


def out_of_prod(*rules: Manifest, **spec: Any) -> Manifest:
    """A policy of the pods of `prod`, which OPENING lets into `web`."""
    return named(cnp("prod", {"endpointSelector": {}, "egress": list(rules), **spec}), "end")


TO_SHOP = {"toEndpoints": [{"matchLabels": {"io.kubernetes.pod.namespace": "shop"}}]}
#: Policies of the peers, and whether what the upgrade opens is let out of `prod` at all.
ENDS = {
    "lets nothing out": ([out_of_prod({})], False),
    "lets it out": ([out_of_prod(TO_SHOP)], True),
    "lets it out on one port": (
        [out_of_prod({**TO_SHOP, "toPorts": [{"ports": [{"port": "80", "protocol": "TCP"}]}]})],
        True,
    ),
    "two that together let it out": ([out_of_prod({}), named(out_of_prod(TO_SHOP), "more")], True),
    "denies it": ([out_of_prod({"toEntities": ["all"]}, egressDeny=[TO_SHOP])], False),
    "does not deny by default": ([out_of_prod({"toEntities": ["world"]}, enableDefaultDeny={"egress": False})], True),
    "is of other pods": (
        [named(cnp("prod", {"endpointSelector": {"matchLabels": {"app": "none"}}, "egress": [{}]}), "end")],
        True,
    ),
}


@pytest.mark.parametrize("end", ENDS)
def test_a_flow_that_its_other_end_refuses_is_not_opened(end: str, here: Path) -> None:
    policies, opens = ENDS[end]
    repository(here, [OPENING, *policies])
    found = impact(*UPGRADE, ".")
    assert bool(found["summary"]["undone"]["pairs_opened"]) is opens
    flow, *more = opened(found, "opening")
    if end == "lets it out on one port":
        assert flow.endswith("from pods with namespace label team=core of namespace prod in default on 80/TCP")
        flow = more.pop()
        assert "in default on" not in flow
    assert not more
    assert ("from pods with namespace label team=core of namespaces other than prod and shop" in flow) is (
        not opens or end == "lets it out on one port"
    )


@pytest.mark.parametrize(("end", "opens"), [([out_of_prod({})], False), ([out_of_prod(TO_SHOP)], True), ([], True)])
def test_a_fix_opens_no_flow_that_its_other_end_refuses(end: Sequence[Manifest], opens: bool, here: Path) -> None:
    peer = {"matchLabels": {"io.kubernetes.podNamespace": "prod", "app": "db"}}
    repository(here, [into_web({"fromEndpoints": [peer]}, name="opening"), *end])
    flows = fixed_flows("--unsafe-fixes", "--select", "missing-namespace", ".")
    assert any("app=db of namespace prod on" in flow for flow in flows["opened"]) is opens


def template(namespace: str) -> str:
    """A policy that nothing here can read, of a namespace."""
    head = f"apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata:\n  name: more\n  namespace: {namespace}\n"
    return head + "spec:\n  {{- toYaml .Values.spec | nindent 2 }}\n"


def clusterwide(spec: dict[str, Any]) -> Manifest:
    return {
        "apiVersion": "cilium.io/v2",
        "kind": "CiliumClusterwideNetworkPolicy",
        "metadata": {"name": "everywhere"},
        "spec": spec,
    }


#: By name: policies of the peers, the namespace of a policy that cannot be read, and whether the flow is opened.
HIDDEN: dict[str, tuple[Sequence[Manifest], str, bool]] = {
    "an unread policy elsewhere": ([out_of_prod({})], "other", False),
    "an unread policy of the peers": ([out_of_prod({})], "prod", True),
    "a clusterwide default deny, and an unread policy of the peers": (
        [clusterwide({"endpointSelector": {}, "egress": [{}]})],
        "prod",
        True,
    ),
    "a clusterwide deny, and an unread policy of the peers": (
        [clusterwide({"endpointSelector": {}, "egressDeny": [TO_SHOP]})],
        "prod",
        False,
    ),
    "more policies of the peers than are judged together": (
        [named(out_of_prod({}), f"end-{index}") for index in range(20)],
        "other",
        True,
    ),
}


@pytest.mark.parametrize("name", HIDDEN)
def test_what_is_not_known_of_a_namespace_refuses_nothing_there(name: str, here: Path) -> None:
    ends, namespace, opens = HIDDEN[name]
    peer = {"matchLabels": {"io.kubernetes.podNamespace": "prod", "app": "db"}}
    repository(here, [into_web({"fromEndpoints": [peer]}, name="opening"), *ends])
    (here / "more.yaml").write_text(template(namespace))
    flows = fixed_flows("--unsafe-fixes", "--select", "missing-namespace", ".")
    assert any("app=db of namespace prod on" in flow for flow in flows["opened"]) is opens


def of_port(number: str) -> dict[str, Any]:
    return {"toPorts": [{"ports": [{"port": number, "protocol": "TCP"}]}]}


#: The port that the policy of the other end admits, and whether the flow on `pg`, which is 5432 there, passes it.
NAMED_ENDS = {"pg": True, "5432": True, "metrics": False, "9187": False, "of-nobody": False}


@pytest.mark.parametrize("port", NAMED_ENDS)
def test_the_other_end_of_a_flow_on_a_named_port_is_judged_by_its_number(port: str, here: Path) -> None:
    """Two pods call different numbers `pg`: from 1.20 on the name counts again, for each destination its own."""
    out = {"toEndpoints": [{"matchLabels": {"app": "db"}}], **of_port("pg")}
    let_in = {"fromEndpoints": [{"matchLabels": {"app": "api"}}], **of_port(port)}
    api, db = ({"endpointSelector": {"matchLabels": {"app": name}}} for name in ("api", "db"))
    manifests = [
        namespace("shop"),
        app("shop/api"),
        app("shop/db", ("pg", 5432, "TCP"), ("metrics", 9187, "TCP")),
        app("shop/other", ("pg", 9999, "TCP")),
        named(cnp("shop", {**api, "egress": [out]}), "out"),
        named(cnp("shop", {**db, "ingress": [let_in]}), "in"),
    ]
    (here / "all.yaml").write_text(text(manifests))
    found = impact("--from", "1.19", "--to", "1.20", ".")
    assert bool(found["summary"]["undone"]["pairs_opened"]) is NAMED_ENDS[port]
    assert any(" to default/shop/db on 5432/TCP" in flow for flow in opened(found, "out")) is NAMED_ENDS[port]


@pytest.mark.parametrize(("port", "passes"), [("pg", "5432/TCP"), ("5432", "5432/TCP"), ("of-nobody", "")])
def test_what_opens_on_every_port_passes_on_those_that_the_other_end_admits(port: str, passes: str, here: Path) -> None:
    """From 1.16 on the key of a namespace's labels stands alone: every port opens, as far as the other end lets it."""
    out = named(
        cnp("prod", {"endpointSelector": {"matchLabels": {"app": "db"}}, "egress": [{"toEndpoints": [CORE]}]}), "out"
    )
    let_in = {"fromEntities": ["cluster"], **of_port(port)}
    within = named(cnp("shop", {"endpointSelector": {"matchLabels": {"app": "web"}}, "ingress": [let_in]}), "in")
    manifests = [
        namespace("shop", team="core"),
        namespace("prod"),
        app("prod/db"),
        app("shop/web", ("pg", 5432, "TCP")),
        out,
        within,
    ]
    (here / "all.yaml").write_text(text(manifests))
    found = impact(*UPGRADE, ".")
    assert bool(found["summary"]["undone"]["pairs_opened"]) is bool(passes)
    (flow,) = [flow for flow in opened(found, "out") if "app=web," in flow]
    unmet = "in default (not default/shop/web) on of-nobody/TCP (no such destination is known)"
    assert flow.endswith(f"in default on {passes}" if passes else unmet)
