"""Custom resources that make pods, what makes pods unseen, and facts that contradict each other."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from rewriter.cilium.terms import Condition, label_term
from rewriter.evidence.workloads import hidden_from
from rewriter.inventory.facts.model import Cluster, Source
from rewriter.inventory.tree.repository import TreeInventory
from tests.inventory.support import POLICY, application, flux, inventory, kustomization, service, workload

NAME = "app.kubernetes.io/name"


def resource(api: str, kind: str, name: str = "db", **spec: object) -> str:
    metadata = {"name": name, "namespace": "shop"}
    return yaml.safe_dump({"apiVersion": api, "kind": kind, "metadata": metadata, "spec": spec})


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        (
            resource("postgresql.cnpg.io/v1", "Cluster", inheritedMetadata={"labels": {"team": "x"}}),
            {"cnpg.io/cluster": "db", "cnpg.io/podRole": "instance", "team": "x"},
        ),
        (resource("postgresql.cnpg.io/v1", "Pooler"), {"cnpg.io/poolerName": "db"}),
        (
            resource(
                "kafka.strimzi.io/v1beta2", "Kafka", kafka={"template": {"pod": {"metadata": {"labels": {"a": "b"}}}}}
            ),
            {"strimzi.io/cluster": "db", "strimzi.io/kind": "Kafka", "strimzi.io/name": "db-kafka", "a": "b"},
        ),
        (
            resource("monitoring.coreos.com/v1", "Alertmanager", podMetadata={"labels": {"a": "b"}}),
            {"alertmanager": "db", "app.kubernetes.io/name": "alertmanager", "a": "b"},
        ),
        (
            resource("monitoring.coreos.com/v1", "Prometheus"),
            {"prometheus": "db", "app.kubernetes.io/instance": "db", "operator.prometheus.io/name": "db"},
        ),
        (resource("rabbitmq.com/v1beta1", "RabbitmqCluster"), {NAME: "db", "app.kubernetes.io/component": "rabbitmq"}),
        (
            resource("k8s.mariadb.com/v1alpha1", "MariaDB", inheritMetadata={"labels": {"a": "b"}}),
            {NAME: "mariadb", "app.kubernetes.io/instance": "db", "a": "b"},
        ),
        (
            resource(
                "elasticsearch.k8s.elastic.co/v1",
                "Elasticsearch",
                nodeSets=[{"name": "all", "podTemplate": {"metadata": {"labels": {"a": "b"}}}}],
            ),
            {
                "common.k8s.elastic.co/type": "elasticsearch",
                "elasticsearch.k8s.elastic.co/cluster-name": "db",
                "a": "b",
            },
        ),
        (resource("argoproj.io/v1alpha1", "WorkflowTemplate", podMetadata={"labels": {"a": "b"}}), {"a": "b"}),
    ],
)
def test_pods_of_operators(text: str, labels: dict[str, str]) -> None:
    (pods,) = inventory({"cr.yaml": text}).workloads_with(labels)
    assert (pods.namespace, pods.source) == ("shop", Source("cr.yaml", 1))


def _operator(version: str, name: str = "operator", **values: object) -> str:
    chart = {"chart": "cloudnative-pg", "version": version, "sourceRef": {"kind": "HelmRepository", "name": "cnpg"}}
    metadata = {"name": name, "namespace": "cnpg-system"}
    release = {"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease", "metadata": metadata}
    return yaml.safe_dump({**release, "spec": {"chart": {"spec": chart}, "values": values}})


@pytest.mark.parametrize(
    ("operators", "carried"),
    [
        (("0.28.2",), True),
        (("v1.0.0",), True),
        (("0.29.x", "0.28.0"), True),
        (("0.26.0",), False),
        (("0.28.2", "0.22.1"), False),
        ((">=0.28.0",), False),
        ((), False),
    ],
)
def test_pods_of_postgres_carry_recommended_labels_from_the_release_that_brings_them(
    operators: tuple[str, ...], carried: bool
) -> None:
    files = {f"{number}.yaml": _operator(version, f"o{number}") for number, version in enumerate(operators)}
    tree = inventory({"cr.yaml": resource("postgresql.cnpg.io/v1", "Cluster"), **files})
    labels = {NAME: "postgresql", "app.kubernetes.io/instance": "db", "app.kubernetes.io/component": "database"}
    assert [pods.name for pods in tree.workloads_with(labels)] == (["db"] if carried else [])
    assert [pods.name for pods in tree.workloads_with({"cnpg.io/cluster": "db"})] == ["db"]
    in_shop = Condition("k8s", "io.kubernetes.pod.namespace", "In", ("shop",))
    named = label_term([in_shop, Condition("k8s", NAME, "In", ("postgresql",))])
    assert hidden_from(tree, named), "what older releases make may carry them as well, and people add others"


def test_an_operator_with_an_image_of_its_own_may_be_of_any_release() -> None:
    operator = _operator("0.28.2", image={"tag": "1.27.0"})
    tree = inventory({"cr.yaml": resource("postgresql.cnpg.io/v1", "Cluster"), "operator.yaml": operator})
    assert tree.workloads_with({NAME: "postgresql"}) == []


def test_a_kafka_makes_a_set_for_each_part() -> None:
    text = resource("kafka.strimzi.io/v1beta2", "Kafka", kafka={}, zookeeper={}, entityOperator={})
    made = inventory({"cr.yaml": text}).workloads_with({"strimzi.io/cluster": "db"})
    assert [pods.name for pods in made] == ["db-kafka", "db-zookeeper", "db-entity-operator"]


def test_a_cluster_of_another_api_is_no_workload() -> None:
    assert inventory({"cr.yaml": resource("cluster.x-k8s.io/v1beta1", "Cluster")}).all_workloads() == []


TEMPLATES = [
    {"name": "main", "steps": [[{"name": "a", "template": "dump"}]]},
    {"name": "dump", "container": {"image": "dump"}, "metadata": {"labels": {"step": "dump"}}},
    {"name": "send", "script": {"image": "send"}, "metadata": {"labels": {"run": "{{workflow.name}}"}}},
]


def test_pods_of_a_workflow_have_its_labels_and_those_of_their_template() -> None:
    spec = {"podMetadata": {"labels": {"app": "backup"}}, "serviceAccountName": "dumper", "templates": TEMPLATES}
    text = resource("argoproj.io/v1alpha1", "CronWorkflow", "nightly", workflowSpec=spec, schedules=["0 8 * * *"])
    made = inventory({"cr.yaml": text})
    assert [(each.name, each.labels, each.service_account) for each in made.all_workloads()] == [
        ("nightly", {"app": "backup", "step": "dump"}, "dumper"),
        ("nightly-send", {"app": "backup"}, "dumper"),
    ]
    assert not any(made.doubts(each) for each in made.all_workloads())


def test_pods_of_a_workflow_may_have_other_labels() -> None:
    """Those of parameters, of Argo itself, and of templates that stand elsewhere."""
    made = inventory({"cr.yaml": resource("argoproj.io/v1alpha1", "Workflow", "backup", templates=TEMPLATES)})
    assert any(reason.startswith("Workflow backup, cr.yaml:1") for reason in hidden(made, "shop"))


def test_conventions_can_be_switched_off() -> None:

    text = resource("postgresql.cnpg.io/v1", "Cluster")
    for operators, count in ((("cloudnative-pg",), 1), (("strimzi",), 0), ((), 0)):
        made = TreeInventory(operators=operators)
        made.offer("cr.yaml", text.encode())
        assert len(made.all_workloads()) == count


def hidden(made: TreeInventory, namespace: str | None = None) -> tuple[str, ...]:
    """What may make pods of a namespace beside the known ones, apart from that nothing of it may be known."""
    words = made.completeness(namespace).reasons
    return tuple(word for word in words if not word.startswith("nothing of namespace"))


def test_what_makes_pods_unseen() -> None:
    chart = {"chart": {"spec": {"chart": "web"}}}
    helm = yaml.safe_load(application("app", "x", "argo"))
    helm["spec"]["source"] = {"repoURL": "https://charts.example", "chart": "app"}
    files = {
        "shop/hr.yaml": resource("helm.toolkit.fluxcd.io/v2", "HelmRelease", "web", **chart),
        "far/hr.yaml": resource(
            "helm.toolkit.fluxcd.io/v2", "HelmRelease", "far", targetNamespace="elsewhere", **chart
        ),
        "cr.yaml": resource("postgresql.cnpg.io/v1", "Cluster"),
        "remote/kustomization.yaml": kustomization(resources=["https://git.example/base?ref=1"]),
        "app.yaml": yaml.safe_dump(helm),
    }
    made = inventory(files)
    assert hidden(made, "shop") == (
        "HelmRelease web (its chart web is not rendered), shop/hr.yaml:1",
        "Cluster db, cr.yaml:1",
        "remote https://git.example/base?ref=1, remote/kustomization.yaml:1",
    )
    assert hidden(made, "elsewhere")[0] == "HelmRelease elsewhere-far (its chart web is not rendered), far/hr.yaml:1"
    assert "Application app (its chart app is not rendered), app.yaml:1" in hidden(made, "argo")
    assert len(hidden(made)) == 5


def test_two_services_of_one_name_are_told_with_both_sources() -> None:
    same = service("db", {"app": "db"}, 80, "shop")
    made = inventory({"a.yaml": same, "b.yaml": service("db", {"app": "other"}, 80, "shop"), "c.yaml": same})
    first = made.services("db")[0]
    assert made.doubts(first) == ("Service shop/db exists twice with different contents, a.yaml:1 and b.yaml:1",)
    assert inventory({"a.yaml": same, "c.yaml": same}).doubts(first) == ()


def test_a_copy_of_a_workload_in_each_cluster_is_no_doubt() -> None:
    files = {"w.yaml": workload("web", {"app": "web"}, "shop")}
    for name in ("alpha", "beta"):
        files[f"{name}.yaml"] = flux("apps", "./w", kubeConfig={"secretRef": {"name": name}})
    files["w/w.yaml"] = files.pop("w.yaml")
    clusters = [Cluster(f"kubeconfig {name}", Source("cnpfix.toml")) for name in ("alpha", "beta")]
    made = inventory(files, clusters=clusters)
    first, second = made.all_workloads()
    assert (first.cluster, second.cluster) == ("kubeconfig alpha", "kubeconfig beta")
    assert made.doubts(first) == made.doubts(second) == ()


def test_one_workload_of_one_cluster_told_in_two_ways() -> None:
    files = {
        "a.yaml": workload("web", {"app": "web"}, "shop"),
        "b.yaml": workload("web", {"app": "other"}, "shop"),
    }
    first = inventory(files).all_workloads()[0]
    words = "Deployment shop/web exists twice with different labels, a.yaml:1 and b.yaml:1"
    assert inventory(files).doubts(first) == (words,)


def test_a_file_of_two_clusters() -> None:
    clusters = [Cluster(name, Source("cnpfix.toml", line), local_paths=("**",)) for line, name in ((1, "a"), (4, "b"))]
    files = {"w.yaml": workload("web", {"app": "web"}, "shop")}
    made = inventory(files, clusters=clusters, everywhere=True)
    assert made.doubts(made.all_workloads()[0]) == (
        "w.yaml matches `local` of a, cnpfix.toml:1, and of b, cnpfix.toml:4",
    )


def test_what_nothing_applies_is_no_fact_to_rest_on() -> None:
    files = {
        "flux.yaml": flux("apps", "./apps"),
        "apps/w.yaml": workload("web", {"app": "web"}, "shop"),
        "left/w.yaml": workload("old", {"app": "old"}, "shop"),
    }
    made = inventory(files)
    told = {each.name: made.doubts(each) for each in made.all_workloads()}
    assert told["web"] == ()
    assert told["old"] == (
        "left/w.yaml is not applied: Flux or Argo CD applies the tree, and nothing that is read reaches the file",
    )
    del files["flux.yaml"]
    assert {inventory(files).doubts(each) for each in inventory(files).all_workloads()} == {()}, "applied by hand"


def test_what_starts_the_rest_is_applied_by_people() -> None:
    web = {"controllers": {"web": {"containers": {"app": {"image": {"repository": "web", "tag": "1"}}}}}}
    chart = {"name": "app-template", "releaseName": "web", "namespace": "shop", "valuesInline": web}
    release = (
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: db, namespace: argocd}\n"
        "spec:\n  source: {repoURL: https://charts.example, chart: app-template, helm: {valuesObject: {controllers:"
        " {db: {containers: {app: {image: {repository: db, tag: '1'}}}}}}}}\n"
        "  destination: {server: https://kubernetes.default.svc, namespace: shop}\n"
    )
    files = {"apps.yaml": application("apps", "apps", "shop") + "---\n" + release, "apps/p.yaml": POLICY}
    made = inventory(files)
    assert [(each.name, made.doubts(each)) for each in made.all_workloads()] == [("db", ())]
    chart["valuesInline"] = {
        "controllers": {"web": {"containers": {"app": {"image": {"repository": "w", "tag": "1"}}}}}
    }
    made = inventory({"web/kustomization.yaml": kustomization(helmCharts=[chart])})
    assert [(each.name, made.doubts(each)) for each in made.all_workloads()] == [("web", ())]


def test_what_only_an_unapplied_kustomization_lists_is_no_fact_to_rest_on() -> None:
    files = {
        "flux.yaml": flux("apps", "./apps"),
        "apps/w.yaml": workload("web", {"app": "web"}, "shop"),
        "left/kustomization.yaml": kustomization(resources=["w.yaml"]),
        "left/w.yaml": workload("old", {"app": "old"}, "shop"),
    }
    made = inventory(files)
    old = next(each for each in made.all_workloads() if each.name == "old")
    assert made.doubts(old) == (
        "left/w.yaml is not applied: Flux or Argo CD applies the tree, and nothing that is read reaches "
        "kustomization left",
    )


def test_what_changes_a_policy_on_its_way() -> None:
    policy = (
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: web}\n"
        "spec: {podSelector: {matchLabels: {app: web}}}\n"
    )
    labels = [{"pairs": {"team": "a"}}]
    cases: dict[str, tuple[dict[str, Any], str]] = {
        "as it is": ({"labels": labels, "namespace": "shop"}, ""),
        "labels": ({"commonLabels": {"team": "a"}}, "k/kustomization.yaml:1 changes it when it is applied"),
        "lost": (
            {"patches": [{"path": "gone.yaml", "target": {"kind": "NetworkPolicy"}}]},
            "a patch of k/kustomization.yaml:1 that cannot be read changes it",
        ),
        "another": ({"patches": [{"path": "gone.yaml", "target": {"kind": "Deployment"}}]}, ""),
    }
    for name, (fields, words) in cases.items():
        made = inventory({"k/kustomization.yaml": kustomization(resources=["p.yaml"], **fields), "k/p.yaml": policy})
        assert made.changed_on_the_way("k/p.yaml", yaml.safe_load(policy)) == words, name


def test_a_workload_of_no_known_namespace_is_unseen_where_its_labels_may_match() -> None:
    made = inventory({"w.yaml": workload("web", {"app": "web"}, "${NS}")})
    words = "Deployment web, whose namespace is not known, w.yaml:1"
    assert made.all_workloads() == []
    term = label_term([Condition("k8s", "app", "In", ("web",))])
    assert [each.words for each in hidden_from(made, term)] == [words]
    assert hidden_from(made, label_term([Condition("k8s", "app", "In", ("db",))])) == ()


def test_an_applied_file_that_cannot_be_read_is_unseen() -> None:
    broken = "kind: Deployment\nmetadata: {name: [\n"
    made = inventory({"k/kustomization.yaml": kustomization(resources=["w.yaml"]), "k/w.yaml": broken})
    assert hidden(made, "shop") == ("k/w.yaml:2 cannot be read: is not valid YAML: did not find expected node content",)


def test_addresses_that_two_clusters_claim() -> None:
    clusters = [
        Cluster("alpha", Source("a.toml"), pod_cidrs=("10.0.0.0/16",)),
        Cluster("beta", Source("b.toml"), pod_cidrs=("10.0.128.0/17",)),
        Cluster("gamma", Source("c.toml"), pod_cidrs=("10.2.0.0/16",)),
    ]
    made = inventory({}, clusters=clusters)
    assert made.doubts(clusters[0]) == (
        "10.0.0.0/16 of cluster alpha, a.toml, and 10.0.128.0/17 of cluster beta, b.toml, overlap",
    )
    assert made.doubts(clusters[2]) == ()


def test_what_an_operator_is_known_to_make_hides_only_labels_of_its_own() -> None:
    known = inventory({"cr.yaml": resource("volsync.backube/v1alpha1", "ReplicationSource", restic={})})
    (mover,) = known.workloads_with({"app.kubernetes.io/created-by": "volsync"})
    assert (mover.namespace, mover.service_account) == ("shop", "volsync-src-db")
    in_shop = Condition("k8s", "io.kubernetes.pod.namespace", "In", ("shop",))
    assert hidden_from(known, label_term([in_shop, Condition("k8s", "app", "In", ("cart",))])) == ()
    of_postgres = inventory({"cr.yaml": resource("postgresql.cnpg.io/v1", "Cluster")})
    role = label_term([in_shop, Condition("k8s", "cnpg.io/instanceRole", "In", ("primary",))])
    assert len(hidden_from(of_postgres, role)) == 1


@pytest.mark.parametrize(
    ("text", "label", "hides"),
    [
        # Newer releases give poolers the labels of their cluster, older ones do not.
        (resource("postgresql.cnpg.io/v1", "Pooler", cluster={"name": "pg"}), ("cnpg.io/cluster", "pg"), True),
        (resource("postgresql.cnpg.io/v1", "Pooler", cluster={"name": "pg"}), ("cnpg.io/cluster", "db"), False),
        (resource("postgresql.cnpg.io/v1", "Pooler", cluster={"name": "pg"}), ("cnpg.io/podRole", "pooler"), True),
        (resource("postgresql.cnpg.io/v1", "Pooler", cluster={"name": "pg"}), ("cnpg.io/podRole", "instance"), False),
        (resource("postgresql.cnpg.io/v1", "Pooler", cluster={"name": "pg"}), ("app", "web"), False),
        (resource("tuppr.home-operations.com/v1alpha1", "TalosUpgrade"), (NAME, "talos-upgrade"), True),
        (resource("tuppr.home-operations.com/v1alpha1", "TalosUpgrade"), (NAME, "talos-upgrade-hook"), True),
        (resource("tuppr.home-operations.com/v1alpha1", "TalosUpgrade"), (NAME, "web"), False),
        (resource("tuppr.home-operations.com/v1alpha1", "KubernetesUpgrade"), (NAME, "talos-upgrade-hook"), False),
    ],
)
def test_labels_that_an_operator_may_give_pods(text: str, label: tuple[str, str], hides: bool) -> None:
    in_shop = Condition("k8s", "io.kubernetes.pod.namespace", "In", ("shop",))
    term = label_term([in_shop, Condition("k8s", label[0], "In", (label[1],))])
    tree = inventory({"cr.yaml": text, "other.yaml": workload("other", {"app": "other"}, "shop")})
    assert bool(hidden_from(tree, term)) is hides
