"""The addresses that custom resources give to pods, and how many pods there are of a database."""

from __future__ import annotations

from typing import Any

import pytest

from rewriter.inventory.facts.model import Source
from rewriter.inventory.objects.instances import instances
from rewriter.inventory.objects.resource_addresses import resource_addresses
from rewriter.inventory.texts.manifests import Manifest

_HERE = Source("apps/a.yaml", 1)


def _manifest(api: str, kind: str, spec: dict[str, Any]) -> Manifest:
    value = {"apiVersion": api, "kind": kind, "metadata": {"name": "a", "namespace": "shop"}, "spec": spec}
    return Manifest(_HERE, value)


@pytest.mark.parametrize(
    ("api", "kind", "spec", "texts", "reader"),
    [
        (
            "external-secrets.io/v1",
            "SecretStore",
            {"provider": {"vault": {"server": "http://vault.vault:8200"}}},
            (("provider.vault.server", "http://vault.vault:8200"),),
            "external-secrets",
        ),
        (
            "velero.io/v1",
            "BackupStorageLocation",
            {"config": {"s3Url": "http://minio.storage:9000"}, "provider": "aws"},
            (("config.s3Url", "http://minio.storage:9000"),),
            "velero",
        ),
        (
            "monitoring.coreos.com/v1",
            "Prometheus",
            {"remoteWrite": [{"url": "http://mimir.metrics/api/v1/push"}], "replicas": 1},
            (("remoteWrite.0.url", "http://mimir.metrics/api/v1/push"),),
            None,
        ),
    ],
)
def test_addresses_are_read_with_who_uses_them(
    api: str, kind: str, spec: dict[str, Any], texts: tuple[tuple[str, str], ...], reader: str | None
) -> None:
    given = resource_addresses(_manifest(api, kind, spec), None)
    assert given is not None
    assert given.texts == texts
    assert (given.reader[1] if given.reader else None) == reader


@pytest.mark.parametrize(
    ("api", "kind", "spec"),
    [
        ("external-secrets.io/v1", "SecretStore", {"controller": "other"}),
        ("example.com/v1", "SecretStore", {"provider": {"vault": {"server": "http://vault.vault:8200"}}}),
        ("monitoring.coreos.com/v1", "Prometheus", {"externalUrl": "http://prometheus.example.com"}),
    ],
)
def test_other_resources_tell_nothing(api: str, kind: str, spec: dict[str, Any]) -> None:
    assert resource_addresses(_manifest(api, kind, spec), None) is None


@pytest.mark.parametrize(
    ("api", "kind", "spec", "count", "guarded"),
    [
        ("postgresql.cnpg.io/v1", "Cluster", {"instances": 3}, 3, False),
        ("postgresql.cnpg.io/v1", "Cluster", {"instances": "${INSTANCES}"}, 1, False),
        ("dragonflydb.io/v1alpha1", "Dragonfly", {"replicas": 2}, 2, True),
        ("dragonflydb.io/v1alpha1", "Dragonfly", {"networkPolicyEnabled": False}, 1, False),
    ],
)
def test_databases_have_as_many_pods_as_they_say(
    api: str, kind: str, spec: dict[str, Any], count: int, guarded: bool
) -> None:
    found = instances(_manifest(api, kind, spec), None)
    assert found is not None
    assert (found.count, found.guarded) == (count, guarded)


def test_a_cluster_of_another_api_is_no_database() -> None:
    assert instances(_manifest("cluster.x-k8s.io/v1beta1", "Cluster", {"instances": 3}), None) is None
