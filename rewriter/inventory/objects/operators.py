"""Custom resources whose operators make pods under labels that they document.

- `cloudnative-pg` (`postgresql.cnpg.io`): a Cluster's pods carry `cnpg.io/cluster` and `cnpg.io/podRole: instance`, a
  Pooler's `cnpg.io/poolerName`. From 1.28 on a Cluster's also carry Kubernetes' recommended labels (cloudnative-pg
  #8087, docs/src/release_notes/v1.28.md).
- `strimzi` (`kafka.strimzi.io`): the pods of Kafka, KafkaConnect, KafkaBridge and KafkaMirrorMaker2 carry
  `strimzi.io/cluster`, `strimzi.io/kind` and `strimzi.io/name`.
- `dragonfly` (`dragonflydb.io`): a Dragonfly's pods carry `app`, `app.kubernetes.io/name` and
  `app.kubernetes.io/part-of`.
- `volsync` (`volsync.backube`): the pods that move data for a ReplicationSource or ReplicationDestination carry
  `app.kubernetes.io/created-by: volsync`.
- `prometheus-operator` (`monitoring.coreos.com`): the pods of Prometheus, PrometheusAgent, Alertmanager and ThanosRuler
  carry `app.kubernetes.io/name`, `app.kubernetes.io/instance`, `app.kubernetes.io/managed-by` and a label of the kind.
- `crunchy` (`postgres-operator.crunchydata.com`): every pod of a PostgresCluster carries
  `postgres-operator.crunchydata.com/cluster`.
- `victoria-metrics` (`operator.victoriametrics.com`): the pods of VMSingle, VMAgent, VMCluster and their like carry
  `app.kubernetes.io/name`, `app.kubernetes.io/instance`, `app.kubernetes.io/component` and `managed-by`.
- `flux` (`fluxcd.controlplane.io`): the controllers of a FluxInstance carry `app` and `app.kubernetes.io/part-of`.
- `argo-workflows` (`argoproj.io`): the pods of a Workflow, CronWorkflow or WorkflowTemplate carry the labels of its
  `podMetadata` and of the template that each runs (workflow/controller/workflowpod.go, `addMetadata`).
- `rabbitmq` (`rabbitmq.com`): the pods of a RabbitmqCluster carry `app.kubernetes.io/name`, which is its name, and
  `app.kubernetes.io/component` (internal/metadata/label.go).
- `mariadb` (`k8s.mariadb.com`): the pods of a MariaDB carry `app.kubernetes.io/name: mariadb` and
  `app.kubernetes.io/instance` (pkg/builder/labels/labels.go).
- `elastic` (`elasticsearch.k8s.elastic.co`): the pods of an Elasticsearch carry `common.k8s.elastic.co/type` and
  `elasticsearch.k8s.elastic.co/cluster-name` (pkg/controller/elasticsearch/label/label.go).

Only labels that every pod of the resource carries are given, with those that the resource itself adds; others that an
operator may set (a role that moves, a version) are not known. `operators` in the config chooses the conventions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rewriter.inventory.facts.model import NamedPort, Workload
from rewriter.inventory.objects import workflows
from rewriter.inventory.texts.manifests import Manifest, items, mapping, texts

#: victoria-metrics-operator: the value of app.kubernetes.io/name, which the names of its objects begin with too.
_VICTORIA = {
    "VMSingle": "vmsingle",
    "VMAgent": "vmagent",
    "VMAlert": "vmalert",
    "VMAlertmanager": "vmalertmanager",
    "VMAuth": "vmauth",
    "VLogs": "vlogs",
    "VLSingle": "vlsingle",
}
_VICTORIA_PARTS = ("vmselect", "vminsert", "vmstorage")
#: The controllers of a FluxInstance that names none (its `spec.components`).
_FLUX = ("source-controller", "kustomize-controller", "helm-controller", "notification-controller")

CONVENTIONS: Mapping[str, tuple[str, frozenset[str]]] = {
    "cloudnative-pg": ("postgresql.cnpg.io", frozenset({"Cluster", "Pooler"})),
    "dragonfly": ("dragonflydb.io", frozenset({"Dragonfly"})),
    "volsync": ("volsync.backube", frozenset({"ReplicationSource", "ReplicationDestination"})),
    "strimzi": ("kafka.strimzi.io", frozenset({"Kafka", "KafkaConnect", "KafkaBridge", "KafkaMirrorMaker2"})),
    "prometheus-operator": (
        "monitoring.coreos.com",
        frozenset({"Prometheus", "PrometheusAgent", "Alertmanager", "ThanosRuler"}),
    ),
    "crunchy": ("postgres-operator.crunchydata.com", frozenset({"PostgresCluster"})),
    "victoria-metrics": ("operator.victoriametrics.com", frozenset({*_VICTORIA, "VMCluster"})),
    "flux": ("fluxcd.controlplane.io", frozenset({"FluxInstance"})),
    "argo-workflows": ("argoproj.io", frozenset({"Workflow", "CronWorkflow", "WorkflowTemplate"})),
    "rabbitmq": ("rabbitmq.com", frozenset({"RabbitmqCluster"})),
    "mariadb": ("k8s.mariadb.com", frozenset({"MariaDB"})),
    "elastic": ("elasticsearch.k8s.elastic.co", frozenset({"Elasticsearch"})),
}
OPERATOR_KINDS = frozenset().union(*(kinds for _group, kinds in CONVENTIONS.values()))

#: Labels, by convention, that the operator may give pods of a resource beside those that are known here; patterns.
#: One with `=` has the value too, which is then the only one: `{name}` is that of the resource.
#: A resource of a convention that is not named here may make further pods, with any labels.
_OWN_KEYS: Mapping[str, frozenset[str]] = {
    # The name of the cluster is the resource's own: no pod of it has another. Of Kubernetes' own labels the operator
    # gives the values itself (CloudNativePG pkg/utils/labels_annotations.go).
    "cloudnative-pg": frozenset(
        {
            "cnpg.io/[!c]*",
            "role",
            "postgresql",
            "app.kubernetes.io/[!nicm]*",
            "app.kubernetes.io/name=postgresql",
            "app.kubernetes.io/instance={name}",
            "app.kubernetes.io/component=*",
            "app.kubernetes.io/managed-by=cloudnative-pg",
        }
    ),
    "dragonfly": frozenset({"role", "traffic", "app.kubernetes.io/*"}),
    "volsync": frozenset({"volsync.backube/*"}),
    "strimzi": frozenset({"strimzi.io/*", "app.kubernetes.io/*"}),
    "prometheus-operator": frozenset({"operator.prometheus.io/*", "app.kubernetes.io/*"}),
}

#: Those of a Pooler, which newer releases give the labels of its Cluster (pkg/specs/pgbouncer/deployments_test.go).
_OF_POOLERS = frozenset(
    {
        "cnpg.io/cluster={cluster}",
        "cnpg.io/podRole=pooler",
        "app.kubernetes.io/name=postgresql",
        "app.kubernetes.io/instance={cluster}",
        "app.kubernetes.io/component=pooler",
        "app.kubernetes.io/managed-by=cloudnative-pg",
    }
)

#: Kubernetes' recommended labels on the pods of a Cluster of CloudNativePG, beside the instance.
_RECOMMENDED = {
    "app.kubernetes.io/name": "postgresql",
    "app.kubernetes.io/component": "database",
    "app.kubernetes.io/managed-by": "cloudnative-pg",
}

_POSTGRES = (NamedPort("postgresql", 5432), NamedPort("metrics", 9187), NamedPort("status", 8000))
#: Strimzi: what the name of the pods' set ends in, by kind (its AbstractModel and the components' names).
_STRIMZI_SUFFIXES = {"KafkaConnect": "connect", "KafkaBridge": "bridge", "KafkaMirrorMaker2": "mirrormaker2"}
#: prometheus-operator: the label of the kind and the value of app.kubernetes.io/name.
_MONITORING = {
    "Prometheus": ("prometheus", "prometheus"),
    "PrometheusAgent": (None, "prometheus-agent"),
    "Alertmanager": ("alertmanager", "alertmanager"),
    "ThanosRuler": ("thanos-ruler", "thanos-ruler"),
}


def own_keys(convention: str, value: Mapping[str, Any]) -> frozenset[str] | None:
    """The labels that an operator may give pods of a resource beside known ones; None where it may give any.

    Labels of the resource itself may be inherited by its pods (CloudNativePG's `INHERITED_LABELS`).
    """
    known = _OWN_KEYS.get(convention)
    if known is None:
        return None
    if value.get("kind") == "Pooler":
        known = _OF_POOLERS
    metadata = mapping(value.get("metadata"))
    inherited = {f"{key}={text}" for key, text in texts(metadata.get("labels")).items()}
    name = str(metadata.get("name"))
    cluster = str(mapping(mapping(value.get("spec")).get("cluster")).get("name"))
    made = {pattern.replace("{name}", name).replace("{cluster}", cluster) for pattern in known}
    return frozenset(made | inherited)


def convention_of(value: Mapping[str, Any]) -> str | None:
    """The convention that a manifest's API belongs to."""
    group, kind = str(value.get("apiVersion", "")).rpartition("/")[0], str(value.get("kind"))
    return next((name for name, (api, kinds) in CONVENTIONS.items() if group == api and kind in kinds), None)


def operator_workloads(
    manifest: Manifest, namespace: str, cluster: str | None, *, recommended: bool = False
) -> Iterator[Workload]:
    """The pods that an operator makes of a resource; none for other manifests.

    `recommended` says that the CloudNativePG that runs is known to give pods Kubernetes' recommended labels.
    """
    convention = convention_of(manifest.value)
    spec = mapping(manifest.value.get("spec"))
    if convention == "cloudnative-pg":
        yield _postgres(manifest, spec, namespace, cluster, recommended=recommended)
    elif convention == "strimzi":
        yield from _kafka(manifest, spec, namespace, cluster)
    elif convention == "prometheus-operator":
        yield _monitoring(manifest, spec, namespace, cluster)
    elif convention == "dragonfly":
        yield _dragonfly(manifest, spec, namespace, cluster)
    elif convention == "volsync":
        yield _mover(manifest, spec, namespace, cluster)
    elif convention == "crunchy":
        labels = texts(mapping(spec.get("metadata")).get("labels"))
        labels["postgres-operator.crunchydata.com/cluster"] = manifest.name
        account = f"{manifest.name}-instance"
        yield Workload(manifest.kind, manifest.name, namespace, cluster, labels, manifest.source, account)
    elif convention == "victoria-metrics":
        yield from _victoria(manifest, spec, namespace, cluster)
    elif convention == "flux":
        yield from _flux(manifest, spec, namespace, cluster)
    elif convention == "argo-workflows":
        yield from workflows.pods(manifest, namespace, cluster)
    elif convention == "rabbitmq":
        labels = {"app.kubernetes.io/name": manifest.name, "app.kubernetes.io/component": "rabbitmq"}
        yield Workload(
            manifest.kind, manifest.name, namespace, cluster, labels, manifest.source, f"{manifest.name}-server"
        )
    elif convention == "mariadb":
        labels = texts(mapping(spec.get("inheritMetadata")).get("labels"))
        labels |= texts(mapping(spec.get("podMetadata")).get("labels"))
        labels |= {"app.kubernetes.io/name": "mariadb", "app.kubernetes.io/instance": manifest.name}
        account = str(spec.get("serviceAccountName") or manifest.name)
        yield Workload(manifest.kind, manifest.name, namespace, cluster, labels, manifest.source, account)
    elif convention == "elastic":
        yield from _elastic(manifest, spec, namespace, cluster)


def _victoria(manifest: Manifest, spec: Mapping[str, Any], namespace: str, cluster: str | None) -> Iterator[Workload]:
    parts = [(_VICTORIA[manifest.kind], spec)] if manifest.kind in _VICTORIA else []
    parts += [(part, mapping(spec[part])) for part in _VICTORIA_PARTS if manifest.kind == "VMCluster" and part in spec]
    for app, own in parts:
        labels = texts(mapping(own.get("podMetadata")).get("labels")) | {
            "app.kubernetes.io/name": app,
            "app.kubernetes.io/instance": manifest.name,
            "app.kubernetes.io/component": "monitoring",
            "managed-by": "vm-operator",
        }
        name, host = f"{app}-{manifest.name}", own.get("hostNetwork") is True
        account = own.get("serviceAccountName") or spec.get("serviceAccountName") or name
        source = manifest.source
        yield Workload(manifest.kind, name, namespace, cluster, labels, source, str(account), host_network=host)


def _flux(manifest: Manifest, spec: Mapping[str, Any], namespace: str, cluster: str | None) -> Iterator[Workload]:
    listed = spec.get("components")
    for name in listed if isinstance(listed, list) else _FLUX:
        if isinstance(name, str):
            labels = {"app": name, "app.kubernetes.io/component": name, "app.kubernetes.io/part-of": "flux"}
            yield Workload(manifest.kind, name, namespace, cluster, labels, manifest.source, name)


def _elastic(manifest: Manifest, spec: Mapping[str, Any], namespace: str, cluster: str | None) -> Iterator[Workload]:
    own = {"common.k8s.elastic.co/type": "elasticsearch", "elasticsearch.k8s.elastic.co/cluster-name": manifest.name}
    for nodes in items(spec.get("nodeSets")):
        template = mapping(nodes.get("podTemplate"))
        labels = texts(mapping(template.get("metadata")).get("labels")) | own
        account = mapping(template.get("spec")).get("serviceAccountName") or spec.get("serviceAccountName")
        name = f"{manifest.name}-es-{nodes.get('name')}"
        yield Workload(manifest.kind, name, namespace, cluster, labels, manifest.source, str(account or "default"))


def _postgres(
    manifest: Manifest, spec: Mapping[str, Any], namespace: str, cluster: str | None, *, recommended: bool
) -> Workload:
    name = manifest.name
    if manifest.kind == "Pooler":
        labels = texts(mapping(mapping(spec.get("template")).get("metadata")).get("labels"))
        labels["cnpg.io/poolerName"] = name
        ports: tuple[NamedPort, ...] = (NamedPort("pgbouncer", 5432), NamedPort("metrics", 9127))
    else:
        labels = texts(mapping(spec.get("inheritedMetadata")).get("labels"))
        labels |= {"cnpg.io/cluster": name, "cnpg.io/podRole": "instance"}
        labels |= {"app.kubernetes.io/instance": name, **_RECOMMENDED} if recommended else {}
        ports = _POSTGRES
    return Workload(manifest.kind, name, namespace, cluster, labels, manifest.source, name, ports)


def _kafka(manifest: Manifest, spec: Mapping[str, Any], namespace: str, cluster: str | None) -> Iterator[Workload]:
    name, kind = manifest.name, manifest.kind
    if kind == "Kafka":
        sets = [("kafka", "kafka")]
        sets += [("zookeeper", "zookeeper")] if "zookeeper" in spec else []
        sets += [("entityOperator", "entity-operator")] if "entityOperator" in spec else []
        sets += [("cruiseControl", "cruise-control")] if "cruiseControl" in spec else []
        sets += [("kafkaExporter", "kafka-exporter")] if "kafkaExporter" in spec else []
        parts = [(mapping(spec.get(field)), suffix) for field, suffix in sets]
    else:
        parts = [(spec, _STRIMZI_SUFFIXES[kind])]
    for part, suffix in parts:
        pod = mapping(mapping(part.get("template")).get("pod"))
        labels = texts(mapping(pod.get("metadata")).get("labels"))
        made = f"{name}-{suffix}"
        labels |= {"strimzi.io/cluster": name, "strimzi.io/kind": kind, "strimzi.io/name": made}
        yield Workload(kind, made, namespace, cluster, labels, manifest.source, made)


def _dragonfly(manifest: Manifest, spec: Mapping[str, Any], namespace: str, cluster: str | None) -> Workload:
    labels = texts(mapping(spec.get("labels")))
    labels |= {
        "app": manifest.name,
        "app.kubernetes.io/name": "dragonfly",
        "app.kubernetes.io/part-of": "dragonfly",
    }
    ports = (NamedPort("redis", 6379), NamedPort("admin", 9999))
    account = spec.get("serviceAccountName")
    own = account if isinstance(account, str) and account else "default"
    return Workload(manifest.kind, manifest.name, namespace, cluster, labels, manifest.source, own, ports)


#: VolSync: what the name of the mover's Job begins with, by kind.
_MOVERS = {"ReplicationSource": "volsync-src", "ReplicationDestination": "volsync-dst"}


def _mover(manifest: Manifest, spec: Mapping[str, Any], namespace: str, cluster: str | None) -> Workload:
    labels: dict[str, str] = {}
    account = ""
    for method in spec.values():
        own = mapping(method)
        labels |= texts(own.get("moverPodLabels"))
        named = own.get("moverServiceAccount")
        account = named if isinstance(named, str) and named else account
    made = f"{_MOVERS[manifest.kind]}-{manifest.name}"
    labels |= {"app.kubernetes.io/created-by": "volsync", "job-name": made, "batch.kubernetes.io/job-name": made}
    return Workload(manifest.kind, manifest.name, namespace, cluster, labels, manifest.source, account or made)


def _monitoring(manifest: Manifest, spec: Mapping[str, Any], namespace: str, cluster: str | None) -> Workload:
    own, app = _MONITORING[manifest.kind]
    labels = texts(mapping(spec.get("podMetadata")).get("labels"))
    labels |= {
        "app.kubernetes.io/name": app,
        "app.kubernetes.io/instance": manifest.name,
        "app.kubernetes.io/managed-by": "prometheus-operator",
    }
    if own is not None:
        labels[own] = manifest.name
    if manifest.kind.startswith("Prometheus"):
        labels["operator.prometheus.io/name"] = manifest.name
    account = spec.get("serviceAccountName")
    host = spec.get("hostNetwork") is True
    return Workload(
        manifest.kind,
        manifest.name,
        namespace,
        cluster,
        labels,
        manifest.source,
        account if isinstance(account, str) and account else "default",
        host_network=host,
    )
