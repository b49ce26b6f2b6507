"""Every pass, in the order in which they run: structure first, scope last."""

from __future__ import annotations

from collections.abc import Mapping

from rewriter.passes import cluster_entity, implicit_cluster, internal_cidr, missing_namespace, service_with_ports
from rewriter.passes.base import Pass

PASSES: tuple[Pass, ...] = (
    service_with_ports.PASS,
    internal_cidr.PASS,
    cluster_entity.PASS,
    missing_namespace.PASS,
    implicit_cluster.PASS,
)

#: Every name of a pass, its id and its code, with the id.
PASS_IDS: Mapping[str, str] = {name: each.id for each in PASSES for name in (each.id, each.code)}
