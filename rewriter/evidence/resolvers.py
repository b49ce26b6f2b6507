"""How programs resolve names: those in Go go on to the next search form where a DNS server refuses one."""

from __future__ import annotations

from rewriter import patterns as re
from rewriter.evidence.context import Context
from rewriter.inventory.facts.model import Workload
from rewriter.inventory.texts.manifests import items, mapping

#: Charts whose programs are all in Go and built without C, by their name.
_CHARTS = frozenset(
    (
        "cert-manager",
        "cilium",
        "external-dns",
        "external-secrets",
        "flux-instance",
        "flux-operator",
        "flux2",
        "k8s-gateway",
        "kyverno",
        "metrics-server",
        "reloader",
        "spegel",
        "traefik",
        "trust-manager",
    )
)
#: Images of the same kind, as far as their path shows.
_IMAGES = re.compile(
    r"(quay\.io/(jetstack/cert-manager-|cilium/|prometheus/)|ghcr\.io/(fluxcd/|external-secrets/|stakater/reloader"
    r"|spegel-org/|onedr0p/exportarr|twin/gatus)|registry\.k8s\.io/(external-dns/|metrics-server/)"
    r"|(docker\.io/)?(cloudflare/cloudflared|library/traefik|traefik)[:@])"
)
_CHART = re.compile(r"chart ([a-z0-9-]+)")


def goes_on_when_refused(context: Context, workload: Workload | None) -> bool:
    """Whether all programs of a workload are known to be in Go (net/dnsclient_unix.go, goLookupIPCNAMEOrder)."""
    if workload is None:
        return False
    chart = _CHART.match(workload.source.via)
    if chart is not None and chart[1] in _CHARTS:
        return True
    template = context.inventory.pod_template(workload)
    containers = items(template.spec.get("containers")) if template is not None else []
    images = [str(mapping(container).get("image")) for container in containers]
    return bool(images) and all(map(_IMAGES.match, images))
