"""Every pass, in the order in which they run: structure first, scope last."""

from __future__ import annotations

from collections.abc import Mapping

from rewriter.passes import (
    authentication,
    bare_address,
    cluster_entity,
    fqdn_double_star,
    implicit_cluster,
    internal_cidr,
    missing_namespace,
    mixed_peers,
    no_rules,
    rejected,
    removed_l7,
    requires,
    service_port,
    service_with_ports,
    subject_namespace,
)
from rewriter.passes.kit.registry import Pass

#: CNP013 needs no place before the scope passes: it asks which pods a selector selects, and so follows CNP002, which
#: adds selectors, and CNP005, which says in which namespace; the cluster that CNP006 adds changes no port.
#: CNP008 comes before CNP006 and CNP007, which keep alive what a rule means: with `**.` that is more from 1.19 on.
PASSES: tuple[Pass, ...] = (
    mixed_peers.PASS,
    service_with_ports.PASS,
    internal_cidr.PASS,
    cluster_entity.PASS,
    missing_namespace.PASS,
    fqdn_double_star.PASS,
    implicit_cluster.PASS,
    requires.PASS,
    removed_l7.PASS,
    bare_address.PASS,
    no_rules.PASS,
    authentication.PASS,
    service_port.PASS,
    rejected.PASS,
    subject_namespace.PASS,
)

#: Every name of a pass, its id and its code, with the id.
PASS_IDS: Mapping[str, str] = {name: each.id for each in PASSES for name in (each.id, each.code)}
