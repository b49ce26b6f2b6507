"""The same trees before other passes that decide by absence: what hides takes the fix, or the claim, back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.closed_world.hiding import HIDES
from tests.closed_world.manifests import Files, deployment, found

_DB = deployment("db", "shop", port=5432)
_SERVICE = (
    "apiVersion: v1\nkind: Service\nmetadata: {name: db, namespace: shop, labels: {app: db}}\n"
    "spec: {selector: {app: db}, ports: [{port: 80, targetPort: 5432}]}\n"
)


def _tree(rules: str, subject: str = "web") -> Files:
    policy = (
        "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: rules, namespace: shop}\n"
        f"spec:\n  endpointSelector: {{matchLabels: {{app: {subject}}}}}\n  {rules}\n"
    )
    web = deployment("web", "shop", port=9113)
    return {"shop/web.yaml": web, "shop/db.yaml": _DB, "shop/service.yaml": _SERVICE, "shop/policy.yaml": policy}


_PORTS = "toPorts: [{ports: [{port: '80', protocol: TCP}]}]"
#: A pass, and a tree of which it fixes the policy, because nothing else is there.
_FIXES: dict[str, tuple[str, Files]] = {
    "Services of labels": (
        "service-with-ports",
        _tree(
            "egress: [{toServices: [{k8sServiceSelector: {selector: {matchLabels: {app: db}}, namespace: shop}}], "
            f"{_PORTS}}}]"
        ),
    ),
    "Services of labels anywhere": (
        "service-with-ports",
        _tree(
            f"egress: [{{toServices: [{{k8sServiceSelector: {{selector: {{matchLabels: {{app: db}}}}}}}}], {_PORTS}}}]"
        ),
    ),
    "Service without a namespace": (
        "service-with-ports",
        _tree(f"egress: [{{toServices: [{{k8sService: {{serviceName: db}}}}], {_PORTS}}}]"),
    ),
    "port of a Service": (
        "service-port",
        _tree(f"egress: [{{toEndpoints: [{{matchLabels: {{app: db}}}}], {_PORTS}}}]"),
    ),
}
#: A pass, and a tree of which it reports that something is not there.
_CLAIMS: dict[str, tuple[str, Files]] = {
    "Service": (
        "unresolved-reference",
        _tree(f"egress: [{{toServices: [{{k8sService: {{serviceName: gone, namespace: shop}}}}], {_PORTS}}}]"),
    ),
    "group": ("unresolved-reference", _tree("egress: [{toCIDRSet: [{cidrGroupRef: partners}]}]")),
    "subject": ("unselected-subject", _tree("ingress: [{fromEntities: [world]}]", "weeb")),
    "port": ("unlistened-port", _tree("ingress: [{fromEntities: [world], toPorts: [{ports: [{port: '7'}]}]}]")),
}
_NAMES = (
    *("kind", "kind of the whole cluster", "duplicate key", "UTF-16", "Helm around a manifest", "git-crypt"),
    *("excluded", "HelmRelease", "Terraform", "submodule", "chart with dependencies"),
)


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("tree", _FIXES)
def test_a_fix_is_made_where_nothing_hides(tree: str, tmp_path: Path) -> None:
    pass_id, files = _FIXES[tree]
    assert [each.fixed for each in found(tmp_path, files, pass_id)] == [True]


@pytest.mark.parametrize("name", _NAMES)
@pytest.mark.parametrize("tree", _FIXES)
def test_no_fix_by_what_is_not_there_is_made_where_something_hides(tree: str, name: str, tmp_path: Path) -> None:
    pass_id, files = _FIXES[tree]
    hiding, words = HIDES[name]
    findings = found(tmp_path, {**files, **hiding}, pass_id)
    assert [(each.applicability, each.fixed) for each in findings] == [("unsafe", False)]
    assert words in findings[0].advice


@pytest.mark.parametrize("tree", _CLAIMS)
def test_a_claim_is_made_where_nothing_hides(tree: str, tmp_path: Path) -> None:
    pass_id, files = _CLAIMS[tree]
    assert len(found(tmp_path, files, pass_id)) == 1


@pytest.mark.parametrize("name", _NAMES)
@pytest.mark.parametrize("tree", _CLAIMS)
def test_no_claim_is_made_where_something_hides(tree: str, name: str, tmp_path: Path) -> None:
    pass_id, files = _CLAIMS[tree]
    findings = found(tmp_path, {**files, **HIDES[name][0]}, pass_id)
    assert {each.severity for each in findings} <= {"note"}


#: What brings pods that are not known, of another namespace than `shop`.
_ELSEWHERE: dict[str, Files] = {
    "release of a project with a namespace of its own": {
        "kustomization.yaml": "resources:\n"
        "- https://raw.githubusercontent.com/metallb/metallb/v0.15.2/config/manifests/metallb-native.yaml\n"
    },
    "manifest that a kustomization above puts elsewhere": {
        "over/kustomization.yaml": "namespace: games\nresources: [../base]\n",
        "base/kustomization.yaml": "namespace: shop\nresources: ['https://example.com/all.yaml']\n",
    },
}


@pytest.mark.parametrize("name", _ELSEWHERE)
def test_what_hides_pods_of_another_namespace_takes_no_claim_back(name: str, tmp_path: Path) -> None:
    pass_id, files = _CLAIMS["subject"]
    assert [each.severity for each in found(tmp_path, {**files, **_ELSEWHERE[name]}, pass_id)] == ["warning"]


def test_a_list_that_a_snapshot_does_not_have_says_nothing(tmp_path: Path) -> None:
    """An empty list says that there are none; a list that is not there says nothing."""
    pass_id, files = _CLAIMS["Service"]
    cluster = {
        "name": "a",
        "workloads": [{"kind": "Pod", "name": "web", "namespace": "shop", "labels": {"app": "web"}}],
    }
    files = {**files, **HIDES["kind"][0], "cnpfix.toml": '[[clusters]]\nname = "a"\nlocal = ["**"]\n'}
    lists: tuple[tuple[dict[str, list[object]], int], ...] = (({"services": []}, 1), ({}, 0))
    for services, findings in lists:
        snapshot = {"cnpfix_inventory": 1, "clusters": [{**cluster, **services}]}
        Path("facts.json").write_text(json.dumps(snapshot))
        assert len(found(tmp_path, files, pass_id, inventories=["facts.json"])) == findings


_GROUP = "apiVersion: cilium.io/v2\nkind: CiliumCIDRGroup\nmetadata: {name: '{{ .Values.name }}'}\n"


@pytest.mark.parametrize(
    "files",
    [
        {"g.yaml": _GROUP},
        {"g.yaml": f"{_GROUP}spec: {{externalCIDRs: [\n"},
        {"charts/g/Chart.yaml": "name: g\nversion: 1.0.0\n", "charts/g/templates/g.yaml": _GROUP},
    ],
)
def test_a_group_may_stand_in_a_file_that_is_not_read(files: Files, tmp_path: Path) -> None:
    pass_id, base = _CLAIMS["group"]
    assert found(tmp_path, {**base, **files}, pass_id) == []


def test_a_snapshot_without_groups_says_nothing_of_them(tmp_path: Path) -> None:
    pass_id, files = _CLAIMS["group"]
    pods = [{"kind": "Pod", "name": "web", "namespace": "shop", "labels": {"app": "web"}}]
    files = {**files, **HIDES["kind"][0], "cnpfix.toml": '[[clusters]]\nname = "a"\nlocal = ["**"]\n'}
    lists: tuple[tuple[dict[str, list[object]], int], ...] = (({"cidr_groups": []}, 1), ({}, 0))
    for groups, findings in lists:
        snapshot = {"cnpfix_inventory": 1, "clusters": [{"name": "a", "workloads": pods, **groups}]}
        Path("facts.json").write_text(json.dumps(snapshot))
        assert len(found(tmp_path, files, pass_id, inventories=["facts.json"])) == findings


def test_what_installers_run_in_kube_system_stands_in_no_tree(tmp_path: Path) -> None:
    pass_id, files = _FIXES["Services of labels"]
    moved = {name: str(text).replace("namespace: shop", "namespace: kube-system") for name, text in files.items()}
    (finding,) = found(tmp_path, moved, pass_id)
    assert (finding.applicability, finding.fixed) == ("unsafe", False)
    assert "what the cluster's installer runs in kube-system" in finding.advice
