"""`cnpfix impact`: upgrades, fixes and rewrites by hand, and the forms of the report.

What the obvious fixes of the usual mistakes really do is in test_article.py.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.cli.support import cnpfix

MESH = """\
[[clusters]]
name = "a"
local = ["a/**"]
pod_cidrs = ["10.0.0.0/16"]
[[clusters]]
name = "b"
local = ["b/**"]
pod_cidrs = ["10.1.0.0/16"]
"""
POLICY = """\
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: policy, namespace: shop}
spec:
  endpointSelector: {matchLabels: {app: cart}}
"""


def workload(name: str, namespace: str = "shop") -> str:
    return (
        f"apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}, namespace: {namespace}}}\n"
        f"spec: {{template: {{metadata: {{labels: {{app: {name}}}}}}}}}\n"
    )


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
    (tmp_path / "cnpfix.toml").write_text(MESH)
    (tmp_path / "a" / "cart.yaml").write_text(workload("cart") + "---\n" + workload("web"))
    (tmp_path / "b" / "web.yaml").write_text(workload("web"))
    return tmp_path


def policy(repository: Path, rules: str, name: str = "policy.yaml") -> None:
    (repository / "a" / name).write_text(POLICY + rules)


def of_pods(text: str, name: str) -> str:
    """A policy of this name, for pods of their own."""
    return text.replace("name: policy", f"name: {name}").replace("app: cart", f"app: {name}")


def impact(*arguments: str) -> dict[str, Any]:
    done = cnpfix("impact", "--format", "json", *arguments)
    assert done.code == 0, done.err
    return dict(json.loads(done.out))


IMPLICIT = (
    "  ingress: [{fromEndpoints: [{matchLabels: {app: web}}], toPorts: [{ports: [{port: '80', protocol: TCP}]}]}]\n"
)
CLOSED = "ingress to pods with app=cart of namespace shop from pods with app=web of namespace shop in b on 80/TCP"


def test_what_the_upgrade_closes_and_the_fixes_mend(repository: Path) -> None:
    policy(repository, IMPLICIT)
    found = impact()
    (item,) = found["policies"]
    assert item["undone"]["closed"] == [CLOSED]
    assert (item["fixed"]["closed"], item["fixes"]) == ([], ["implicit-cluster"])
    assert found["undone"]["pairs"] == [
        {
            "change": "closed",
            "sources": ["b/shop/web"],
            "destinations": ["a/shop/cart"],
            "ports": "80/TCP",
            "portRanges": [{"protocol": "TCP", "low": 80, "high": 80, "name": ""}],
        }
    ]
    assert found["fixed"]["pairs"] == []
    assert found["summary"]["undone"]["pairs_closed"] == 1
    assert (repository / "a" / "policy.yaml").read_text() == POLICY + IMPLICIT


def test_egress_of_the_other_cluster_counts(repository: Path) -> None:
    """What the source's cluster does not let out is not lost by the destination's upgrade."""
    policy(repository, IMPLICIT)
    shut = POLICY.replace("app: cart", "app: web") + "  egress: [{}]\n"
    (repository / "b" / "policy.yaml").write_text(shut)
    assert impact()["undone"]["pairs"] == []


def test_the_upgrade_to_a_release_that_rejects_the_policy(repository: Path) -> None:
    policy(repository, "  ingress: [{fromCIDR: [198.51.100.7]}]\n")
    found = impact("--from", "1.19", "--to", "1.20")
    (item,) = found["policies"]
    assert item["undone"]["state"] == "stops being enforced"
    assert item["undone"]["reason"]
    assert item["undone"]["opened"][0].startswith("ingress to pods with app=cart of namespace shop from anything")
    assert found["undone"]["released"] == ["a/shop/cart"]


def test_the_upgrade_that_wakes_a_policy_up(repository: Path) -> None:
    """toServices with toPorts: rejected up to 1.16, enforced from 1.17 on; here nobody knows the Service."""
    policy(
        repository,
        "  egress: [{toServices: [{k8sService: {serviceName: db, namespace: prod}}],"
        " toPorts: [{ports: [{port: '3306', protocol: TCP}]}]}]\n",
    )
    (item,) = impact("--from", "1.16", "--to", "1.17")["policies"]
    assert item["undone"]["state"] == "starts being enforced"
    behind = "what is behind service prod/db"
    assert item["undone"]["closed"] == [
        f"egress from pods with app=cart of namespace shop to {peers} on {ports}"
        for peers, ports in (
            (f"anything except {behind}", "every port"),
            (behind, "every port except 3306/TCP (no such destination is known)"),
        )
    ]


def test_replacing_cluster_loses_more_than_it_wins(repository: Path) -> None:
    """What a fromEndpoints in place of `cluster` loses, said by the fix that does so."""
    (repository / "cnpfix.toml").write_text(MESH + '[passes.cluster-entity]\nremote = "all"\nmode = "replace"\n')
    policy(repository, "  ingress: [{fromEntities: [cluster]}]\n")
    report = json.loads(cnpfix("--format", "json", "--unsafe-fixes").out)
    (finding,) = report["findings"]
    ends = "ingress to pods with app=cart of namespace shop from"
    assert finding["flows"]["opened"] == [f"{ends} any pod in b on every port"]
    assert finding["flows"]["closed"] == [
        f"{ends} the entities health, ingress, init, kube-apiserver, remote-node and unmanaged on every port"
    ]
    left = impact("--unsafe-fixes")["policies"][0]["fixed"]
    assert (left["opened"], left["closed"]) == (finding["flows"]["opened"], finding["flows"]["closed"])


UNMESHED = MESH.replace('local = ["b/**"]', 'local = ["b/**"]\nmeshed = false')
BY_NAMESPACE_LABEL = "  ingress: [{fromEndpoints: [{matchLabels: {io.cilium.k8s.namespace.labels.team: x}}]}]\n"


def of_namespace(name: str, labels: str) -> str:
    return f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}, labels: {{{labels}}}}}\n---\n"


@pytest.mark.parametrize(
    ("rules", "closed"),
    [
        (IMPLICIT.replace("web", "till"), CLOSED.replace("=web", "=till") + " (no such source is known)"),
        (
            IMPLICIT.replace("{app: web}", "{app: web, tier: x}"),
            CLOSED.replace("app=web", "app=web, tier=x") + " (no such source is known)",
        ),
        (IMPLICIT, CLOSED),
    ],
    ids=["no such pod", "no pod with both labels", "a known pod"],
)
def test_flows_of_pods_that_could_exist_say_so_and_break_nothing(repository: Path, rules: str, closed: str) -> None:
    ignored = '[[per-path]]\npaths = ["a/**"]\nignore = ["CNP006"]\n'
    (repository / "cnpfix.toml").write_text(MESH + ignored)
    policy(repository, rules)
    found = impact()
    (item,) = found["policies"]
    assert item["undone"]["closed"] == [closed]
    known = closed == CLOSED
    assert item["undone"]["possible"] == ([] if known else [closed])
    summary = found["summary"]["left"]
    assert (summary["policies_changed"], summary["policies_possible"]) == ((1, 0) if known else (0, 1))
    assert cnpfix("impact", "--exit-code").code == (1 if known else 0)
    text = " ".join(cnpfix("impact").out.split())
    assert ("Of 1 policy only flows of pods that are not known change." in text) is not known


def test_a_subject_that_could_exist_and_a_destination_that_is_no_pod(repository: Path) -> None:
    """Nodes and the world are always there, pods are not."""
    shut = "  ingress: [{fromEntities: [world]}]\n  egress: [{toCIDR: [198.51.100.7]}]\n"
    policy(repository, shut)
    policy(repository, "", "till.yaml")
    (repository / "a" / "till.yaml").write_text(of_pods(POLICY, "till") + shut)
    found = impact("--from", "1.19", "--to", "1.20")
    assert found["summary"]["undone"]["policies_changed"] == 1
    cart, till = found["policies"]
    assert cart["undone"]["possible"] == []
    assert till["undone"]["possible"] == [*till["undone"]["opened"]]
    assert all(flow.endswith(" (no such destination is known)") for flow in till["undone"]["opened"][1:])


def test_pods_that_may_be_there_unread_break_the_run(repository: Path) -> None:
    """What was not read is not absent: --exit-code holds flows of pods that nothing rules out."""
    ignored = '[[per-path]]\npaths = ["a/**"]\nignore = ["CNP006"]\n'
    (repository / "cnpfix.toml").write_text(MESH + ignored)
    policy(repository, IMPLICIT.replace("web", "till"))
    assert cnpfix("impact", "--exit-code").code == 0
    (repository / "b" / "till.yaml").write_text(
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: till, namespace: shop}\n"
        "spec: {chart: {spec: {chart: till, sourceRef: {kind: HelmRepository, name: shop}}}}\n"
    )
    assert cnpfix("impact", "--exit-code").code == 1
    assert impact()["summary"]["undone"]["policies_changed"] == 0


@pytest.mark.parametrize(("config", "pairs"), [(UNMESHED, 0), (MESH, 1)], ids=["apart", "meshed"])
def test_pods_of_a_cluster_outside_the_mesh_are_no_ends(repository: Path, config: str, pairs: int) -> None:
    (repository / "cnpfix.toml").write_text(config)
    policy(repository, BY_NAMESPACE_LABEL)
    (repository / "b" / "db.yaml").write_text(of_namespace("prod", "team: x") + workload("db", "prod"))
    found = impact("--from", "1.15", "--to", "1.16")
    assert found["summary"]["undone"]["pairs_opened"] == pairs
    assert found["summary"]["undone"]["policies_possible"] == 1 - pairs


MODE = 'policy_enforcement_mode = "{mode}"\n'
LET_OUT = "  egress: [{toEndpoints: [{matchLabels: {app: cart, io.kubernetes.pod.namespace: shop}}]}]\n"


def of_mode(mode: str, cluster: str) -> str:
    local = f'local = ["{cluster}/**"]\n'
    return MESH.replace(local, local + MODE.format(mode=mode))


@pytest.mark.parametrize(
    ("config", "selected", "opens"),
    [
        (MESH, False, True),
        (of_mode("always", "a"), False, False),
        (of_mode("always", "a"), True, True),
        (of_mode("never", "a"), True, False),
    ],
    ids=["default", "always, no policy", "always, let out", "never"],
)
def test_with_mode_always_pods_that_no_policy_selects_let_nothing_through(
    repository: Path, config: str, selected: bool, opens: bool
) -> None:
    (repository / "cnpfix.toml").write_text(config.replace('local = ["b/**"]', "meshed = false"))
    policy(repository, BY_NAMESPACE_LABEL)
    (repository / "a" / "db.yaml").write_text(of_namespace("prod", "team: x") + workload("db", "prod"))
    if selected:
        text = POLICY.replace("namespace: shop", "namespace: prod").replace("app: cart", "app: db")
        (repository / "a" / "out.yaml").write_text(text + LET_OUT)
    upgrade = ("--from", "1.15", "--to", "1.16")
    summary = impact(*upgrade)["summary"]["undone"]
    assert (summary["pairs_opened"], summary["policies_changed"]) == ((1, 1) if opens else (0, 0))
    findings = json.loads(cnpfix(*upgrade, "--format", "json").out)["findings"]
    never = "never" in config
    assert [finding["id"] for finding in findings] == (["upgrade-change"] if opens or never else [])
    assert all(("no policy drops anything" in finding["why"]) is never for finding in findings)


@pytest.mark.parametrize(("mode", "pairs"), [("default", 1), ("always", 0)])
def test_a_cluster_without_policies_in_mode_always_lets_nothing_out(repository: Path, mode: str, pairs: int) -> None:
    (repository / "cnpfix.toml").write_text(of_mode(mode, "b"))
    policy(repository, IMPLICIT)
    assert impact()["summary"]["undone"]["pairs_closed"] == pairs


def test_nothing_to_say(repository: Path) -> None:
    policy(repository, "  ingress: [{fromEntities: [world]}]\n")
    assert impact()["policies"] == []
    done = cnpfix("impact")
    assert "The upgrade to 1.19 changes no flow of 1 policy." in done.out


RELEASE = (
    "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: cilium, namespace: kube-system}\n"
    "spec:\n  chart: {spec: {chart: cilium, version: 1.18.3}}\n"
)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "No mesh is known"),
        ({"cilium.yaml": RELEASE}, "Meshed with no other cluster: default, cilium.yaml:1."),
        ({"cilium.yaml": RELEASE + "  valuesFrom: [{kind: Secret, name: values}]\n"}, "No mesh is known"),
        ({"cilium.yaml": RELEASE + "  values: {clustermesh: {useAPIServer: true}}\n"}, "No mesh is known"),
        ({"talos.yaml": "cluster:\n  network:\n    podSubnets: [10.42.0.0/16]\n"}, "No mesh is known"),
        ({"cnpfix.toml": '[[clusters]]\nname = "a"\nmeshed = false\n'}, "Meshed with no other cluster: a, cnpfix"),
    ],
    ids=["nothing", "values", "values of a Secret", "a mesh of unknown members", "no Cilium", "config"],
)  # fmt: skip
def test_what_is_known_of_a_mesh(repository: Path, files: dict[str, str], words: str) -> None:
    (repository / "cnpfix.toml").unlink()
    policy(repository, "  ingress: [{fromEntities: [cluster]}]\n")
    for name, text in files.items():
        (repository / name).write_text(text)
    assert words in " ".join(cnpfix("impact").out.split())
    said = "no mesh known" in cnpfix(".").out
    assert said == words.startswith("No"), "a run says the same"


def test_a_tree_without_policies(repository: Path) -> None:
    done = cnpfix("impact")
    assert (done.code, done.out.splitlines()[-1]) == (0, "No policies found.")


TEMPLATE = """\
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  endpointSelector: {matchLabels: {app: {{ .Values.app }}}}
  ingress: [{fromEntities: [cluster]}]
"""


@pytest.mark.parametrize("policies", [0, 1])
def test_templates_are_left_out_and_named(repository: Path, policies: int) -> None:
    if policies:
        policy(repository, "  ingress: [{fromEntities: [world]}]\n")
    (repository / "chart.yaml").write_text(TEMPLATE)
    place = "Policies of 1 template that is not rendered are left out: chart.yaml:5."
    text = " ".join(cnpfix("impact").out.split())
    assert text.endswith(place)
    assert ("No policies found." in text) == (policies == 0)
    assert impact()["left_out"] == ["chart.yaml:5"]
    assert "1 template that is not rendered are left out" in cnpfix("impact", "--format", "markdown").out


FLOW_VARIABLE = """\
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  endpointSelector: {matchLabels: {app: SUBJECT}}
  ingress: [{fromEndpoints: [{matchLabels: {app: VALUE, io.kubernetes.pod.namespace: VALUE}}]}]
"""


def test_a_variable_in_flow_style_stands_for_a_scalar(repository: Path) -> None:
    quoted = FLOW_VARIABLE.replace("SUBJECT", "web").replace("VALUE", '"${CLIENT}"')
    (repository / "variable.yaml").write_text(quoted)
    wanted = impact()
    (repository / "variable.yaml").write_text(quoted.replace('"', ""))
    found = impact()
    assert found["left_out"] == []
    assert found["undone"] == wanted["undone"]
    assert found["summary"]["policies"] == wanted["summary"]["policies"] == 1
    assert found["summary"]["undone"] == wanted["summary"]["undone"]


def test_what_leaves_no_room_for_a_variable_is_left_out_and_named(repository: Path) -> None:
    (repository / "variable.yaml").write_text(FLOW_VARIABLE.replace("SUBJECT", "${A}").replace("VALUE", "web"))
    policy(repository, "  ingress: [{fromEntities: [world]}]\n")
    assert impact()["left_out"] == ["variable.yaml:5"]


def test_text_says_what_is_mended_and_what_is_left(repository: Path) -> None:
    policy(repository, IMPLICIT)
    policy(repository, "  ingress: [{fromEndpoints: [{}], toPorts: [{ports: [{port: '9'}]}]}]\n", "other.yaml")
    out = cnpfix("impact", "--color", "never").out
    assert "a/policy.yaml:1  mended by implicit-cluster" in out
    assert all(len(line) <= 80 for line in out.splitlines())
    assert "\x1b" not in out
    assert "\x1b" in cnpfix("impact", "--color", "always").out


def test_markdown_escapes_names(repository: Path) -> None:
    policy(repository, IMPLICIT.replace("app: web", "app: web, 'x/y_z': '1'"))
    (repository / "out.md").write_text("old")
    done = cnpfix("impact", "--format", "markdown", "--output", "out.md")
    assert (done.code, done.out) == (0, "")
    text = (repository / "out.md").read_text()
    assert text.startswith("## Cilium 1.18 to 1.19 of a: what changes for traffic")
    assert "x/y\\_z=1" in text


def test_a_bad_file_never_stops_the_others(repository: Path) -> None:
    policy(repository, IMPLICIT)
    (repository / "a" / "broken.yaml").write_text("kind: CiliumNetworkPolicy\napiVersion: cilium.io/v2\nspec: [\n")
    done = cnpfix("impact", "--format", "json")
    assert done.code == 2
    assert "a/broken.yaml" in done.err
    assert len(json.loads(done.out)["policies"]) == 1


OPEN = "  ingress: [{fromEntities: [all]}]\n"
NARROW = "  ingress: [{fromEndpoints: [{matchLabels: {app: web}}]}]\n"
TODAY = ("--from", "1.18", "--to", "1.18")
SHUT = "ingress to pods with app=cart of namespace shop from"


def states(found: dict[str, Any]) -> dict[str, str]:
    """What becomes of each policy that is told, by its file."""
    return {item["file"]: item["fixed"]["state"] or "changed" for item in found["policies"]}


def test_a_rewrite_by_hand_is_compared_with_the_file_as_it_was(repository: Path) -> None:
    policy(repository, NARROW)
    (repository / "old.yaml").write_text(POLICY + OPEN)
    found = impact("--before", "old.yaml", *TODAY, "a/policy.yaml")
    (item,) = found["policies"]
    assert (found["rewrite"], item["rewritten"], item["fixes"]) == ("by hand", True, [])
    assert (item["undone"]["closed"], item["fixed"]["opened"]) == ([], [])
    assert item["fixed"]["closed"] == [
        f"{SHUT} anything except pods with app=web of namespace shop and the entity host on every port"
    ]
    text = " ".join(cnpfix("impact", "--before", "old.yaml", *TODAY, "a/policy.yaml").out.split())
    assert "a/policy.yaml:1 changed by the rewrite" in text
    assert text.endswith("The rewrite changes flows of 1 of 1 policy.")


def test_a_deny_rule_that_goes_opens_what_another_policy_allows(repository: Path) -> None:
    """The pods are denied by default all the same: alone, without the rule, nobody gets in."""
    policy(repository, NARROW)
    (repository / "old.yaml").write_text(POLICY + NARROW + "  ingressDeny: [{fromEntities: [world]}]\n")
    (item,) = impact("--before", "old.yaml", *TODAY, "a/policy.yaml")["policies"]
    (opened,) = item["fixed"]["opened"]
    assert opened.endswith(" from the world on every port where another policy allows it")
    assert item["fixed"]["closed"] == []


def test_of_two_policies_of_one_name_each_is_compared_with_that_of_its_file(repository: Path, tmp_path: Path) -> None:
    before = tmp_path / "before"
    (before / "a").mkdir(parents=True)
    for name, rules in (("one", OPEN), ("two", NARROW)):
        (before / "a" / f"{name}.yaml").write_text(POLICY + rules)
    policy(repository, NARROW, "two.yaml")
    assert states(impact("--before", "before/a", *TODAY, "a")) == {"a/one.yaml": "is gone"}


def test_folders_are_compared_file_by_file_and_policies_by_name(repository: Path, tmp_path: Path) -> None:
    before = tmp_path / "before"
    (before / "a").mkdir(parents=True)
    for name, rules in (("same", OPEN), ("moved", OPEN), ("gone", NARROW), ("rewritten", OPEN)):
        (before / "a" / f"{name}.yaml").write_text(of_pods(POLICY + rules, name))
    for name, rules in (("same", OPEN), ("elsewhere", NARROW), ("new", NARROW), ("rewritten", NARROW)):
        own = "moved" if name == "elsewhere" else name
        policy(repository, rules, f"{name}.yaml")
        path = repository / "a" / f"{name}.yaml"
        path.write_text(of_pods(path.read_text(), own))
    found = impact("--before", "before/a", *TODAY, "a")
    assert states(found) == {
        "a/elsewhere.yaml": "changed",
        "a/gone.yaml": "is gone",
        "a/new.yaml": "is new",
        "a/rewritten.yaml": "changed",
    }
    assert found["summary"]["policies"] == 5
    by_file = {item["file"]: item["fixed"] for item in found["policies"]}
    new, gone = by_file["a/new.yaml"], by_file["a/gone.yaml"]
    assert (new["opened"], gone["closed"]) == ([], [])
    assert new["closed"] and new["closed"] == [text.replace("app=gone", "app=new") for text in gone["opened"]]
    assert {item["file"] for item in found["policies"] if item["cluster"] == "a"} == set(by_file)


def test_the_upgrade_and_the_rewrite_are_told_apart(repository: Path) -> None:
    policy(repository, IMPLICIT)
    (repository / "old.yaml").write_text((repository / "a" / "policy.yaml").read_text())
    (item,) = impact("--before", "old.yaml", "a/policy.yaml")["policies"]
    assert (item["undone"]["closed"], item["rewritten"]) == ([CLOSED], False)
    assert "not rewritten" in cnpfix("impact", "--before", "old.yaml", "a/policy.yaml").out
    mended = IMPLICIT.replace("{app: web}}", "{app: web, io.cilium.k8s.policy.cluster: b}}")
    policy(repository, mended)
    (item,) = impact("--before", "old.yaml", "a/policy.yaml")["policies"]
    assert (item["undone"]["closed"], item["fixed"]["closed"]) == ([CLOSED], [CLOSED.replace(" in b ", " in a ")])


def test_a_workload_that_loses_its_last_policy(repository: Path) -> None:
    (repository / "before").mkdir()
    (repository / "before" / "policy.yaml").write_text(POLICY + NARROW)
    found = impact("--before", "before", *TODAY, "a")
    assert (found["undone"]["released"], found["fixed"]["released"]) == ([], ["a/shop/cart"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--before", "missing", "a"), "--before missing: no such file, folder or git revision"),
        (("--before", "a", "a/policy.yaml"), "--before a: expected a file, as a/policy.yaml is one"),
        (("--before", "a/policy.yaml", "a"), "--before a/policy.yaml: expected a folder, as a is one"),
        (("--before", "a", "a", "b"), "--before: name the one file or folder to compare with it"),
    ],
)
def test_what_cannot_be_compared(repository: Path, arguments: tuple[str, ...], words: str) -> None:
    policy(repository, OPEN)
    done = cnpfix("impact", *arguments)
    assert (done.code, words in done.err) == (2, True), done.err


def test_a_file_that_could_not_be_read_as_it_was_never_stops_the_others(repository: Path) -> None:
    policy(repository, NARROW)
    (repository / "before").mkdir()
    (repository / "before" / "policy.yaml").write_text(POLICY + OPEN)
    (repository / "before" / "broken.yaml").write_text("kind: CiliumNetworkPolicy\nspec: [\n")
    done = cnpfix("impact", "--format", "json", "--before", "before", *TODAY, "a")
    assert done.code == 2
    assert "before/broken.yaml" in done.err
    assert states(json.loads(done.out)) == {"a/policy.yaml": "changed"}


def test_what_the_upgrade_breaks_stands_apart_from_what_the_fixes_change_on_purpose(repository: Path) -> None:
    config = (repository / "cnpfix.toml").read_text() + '[passes.cluster-entity]\nremote = "all"\n'
    (repository / "cnpfix.toml").write_text(config)
    upgrade = ("--from", "1.18", "--to", "1.19")
    policy(repository, "  ingress:\n  - fromEndpoints: [{matchLabels: {app: web}}]\n  - fromEntities: [cluster]\n")
    summary = impact(*upgrade)["summary"]
    assert summary["undone"]["policies_changed"] == 1
    assert summary["left"]["policies_changed"] == 0
    assert (summary["on_purpose"]["policies_changed"], summary["on_purpose"]["policies_possible"]) == (0, 1)
    (repository / "b" / "db.yaml").write_text(workload("db"))
    summary = impact(*upgrade)["summary"]
    assert (summary["on_purpose"]["policies_changed"], summary["on_purpose"]["policies_possible"]) == (1, 0)
    assert "on purpose" in cnpfix("impact", *upgrade).out
    assert cnpfix("impact", "--exit-code", *upgrade).code == 0
    policy(repository, "  ingress:\n  - fromEndpoints: [{matchLabels: {app: web}}]\n")
    ignored = '[[per-path]]\npaths = ["a/**"]\nignore = ["CNP006"]\n'
    (repository / "cnpfix.toml").write_text(config + ignored)
    assert cnpfix("impact", "--exit-code", *upgrade).code == 1
    assert cnpfix("impact", *upgrade).code == 0


def git(*arguments: str) -> None:
    who = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *who, *arguments], check=True, capture_output=True)


TWO_RULES = """\
  ingress:
  - fromEndpoints: [{matchLabels: {app: web}}]
    toPorts: [{ports: [{port: "80", protocol: TCP}]}]
  - fromEntities: [world]
"""


def test_what_changed_in_the_policies_since_a_git_revision(repository: Path) -> None:
    """Rules that come, go or change are named; those that only stand elsewhere are not."""
    policy(repository, TWO_RULES)
    policy(repository, NARROW, "same.yaml")
    (repository / "a" / "broken.yaml").write_text("kind: CiliumNetworkPolicy\nspec: [\n")
    git("init", "-q", "-b", "main")
    git("add", ".")
    git("commit", "-q", "-m", "then")
    (repository / "a" / "broken.yaml").unlink()
    policy(
        repository,
        """\
  egress: [{toCIDR: [192.0.2.0/24]}]
  ingressDeny: [{fromEndpoints: [{}]}]
  ingress:
  - fromEndpoints: [{matchLabels: {app: api}}]
  - fromEntities: [world]
  - fromEndpoints: [{matchLabels: {app: web}}]
    toPorts: [{ports: [{port: "8080", protocol: TCP}]}]
""",
    )
    done = cnpfix("impact", "--before", "main", *TODAY, "a")
    assert (done.code, "main:a/broken.yaml" in done.err) == (2, True), done.err
    section = done.out.split("What the rewrite changes in the policies\n")[1].split("\n\n")[0]
    assert section.splitlines() == [
        "  a/policy.yaml:1  CiliumNetworkPolicy shop/policy",
        "    adds     spec.egress[0]: a rule to 192.0.2.0/24",
        "    adds     spec.ingress[0]: a rule from pods app=api",
        '    changes  spec.ingress[2].toPorts[0].ports[0].port: "80" → "8080"',
        "    adds     spec.ingressDeny[0]: a deny rule from every pod",
    ]
    (item,) = json.loads(cnpfix("impact", "--before", "main", "--format", "json", *TODAY, "a").out)["rewritten"]
    assert (item["file"], item["name"], item["state"]) == ("a/policy.yaml", "policy", "")
    assert item["changes"][2] == {
        "change": "changed",
        "route": "/spec/ingress/2/toPorts/0/ports/0/port",
        "old": "80",
        "new": "8080",
        "rule": "",
    }
    assert (
        "adds spec.egress\\[0\\]: a rule to 192.0.2.0/24"
        in cnpfix("impact", "--before", "HEAD", "--format", "markdown", *TODAY, "a/policy.yaml").out
    )


def test_a_rewrite_that_changes_no_flow_is_named_all_the_same(repository: Path) -> None:
    policy(repository, TWO_RULES)
    (repository / "old.yaml").write_text(POLICY + TWO_RULES)
    assert "What the rewrite changes" not in cnpfix("impact", "--before", "old.yaml", *TODAY, "a/policy.yaml").out
    first, second = TWO_RULES.removeprefix("  ingress:\n").split("  - fromEntities")
    (repository / "old.yaml").write_text(POLICY + "  ingress:\n  - fromEntities" + second + first)
    out = cnpfix("impact", "--before", "old.yaml", *TODAY, "a/policy.yaml").out
    assert "changes  only the order of items" in out
    (repository / "old.yaml").write_text(POLICY + TWO_RULES + "  egress: [{toEntities: [all]}]\n")
    found = impact("--before", "old.yaml", *TODAY, "a/policy.yaml")
    (item,) = found["rewritten"]
    (change,) = item["changes"]
    assert (change["change"], change["rule"]) == ("removed", "a rule to the entity `all`")
    assert impact()["rewritten"] == []


def test_rules_without_a_member_in_common_are_two_rules(repository: Path) -> None:
    policy(repository, "  ingress: [{fromEntities: [world]}]\n")
    (repository / "old.yaml").write_text(POLICY + NARROW)
    out = " ".join(cnpfix("impact", "--before", "old.yaml", *TODAY, "a/policy.yaml").out.split())
    assert "changes spec.ingress[0]: a rule from pods app=web → a rule from the entity `world`" in out


def test_settings_that_are_not_read_are_named(repository: Path) -> None:
    policy(repository, "  ingress: [{fromEntities: [world]}]\n")
    assert "not read" not in cnpfix("impact", "a").out
    (repository / "a" / "cilium.yaml").write_text(
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: cilium, namespace: kube-system}\n"
        "spec:\n  chart: {spec: {chart: cilium, version: 1.18.3, sourceRef: {kind: HelmRepository, name: cilium}}}\n"
        "  valuesFrom: [{kind: Secret, name: mine}]\n"
    )
    words = "Settings of Cilium that are not read count as the defaults: a/cilium.yaml:1 takes values from Secret mine"
    text = " ".join(cnpfix("impact", "a").out.split())
    assert text.count(words) == 1
    assert words in cnpfix("impact", "--format", "markdown", "a").out
    (place,) = json.loads(cnpfix("impact", "--format", "json", "a").out)["unread_settings"]
    assert place.startswith("a/cilium.yaml:1 takes values from Secret mine")
