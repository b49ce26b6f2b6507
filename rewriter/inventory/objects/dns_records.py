"""DNS records that a manifest asks external-dns for: objects of the kind DNSEndpoint."""

from __future__ import annotations

from rewriter.inventory.facts.model import Source
from rewriter.inventory.objects.kubernetes import namespace_of
from rewriter.inventory.texts.manifests import Manifest, items, mapping
from rewriter.records import dataclass

DNS_ENDPOINT = "DNSEndpoint"

_ADDRESSES = frozenset({"A", "AAAA"})
_ALIAS = "CNAME"
_PROXIED = ("external-dns.alpha.kubernetes.io/cloudflare-proxied", "external-dns.kubernetes.io/cloudflare-proxied")


@dataclass(frozen=True, slots=True)
class DnsRecord:
    """A record of a DNSEndpoint (external-dns, docs/sources/crd.md): a host, and the addresses or the name it leads to.

    `host` is in lower case and without a final dot. `alias` is a CNAME: its target is a name. `proxied` says that
    Cloudflare answers with its own addresses.
    """

    endpoint: str
    namespace: str | None
    cluster: str | None
    host: str
    targets: tuple[str, ...]
    source: Source
    alias: bool = False
    proxied: bool = False

    def __str__(self) -> str:
        return (
            f"{DNS_ENDPOINT} {self.namespace}/{self.endpoint}" if self.namespace else f"{DNS_ENDPOINT} {self.endpoint}"
        )


def dns_records(manifest: Manifest, cluster: str | None) -> tuple[DnsRecord, ...]:
    """The records of one DNSEndpoint that give addresses."""
    if not str(manifest.value.get("apiVersion", "")).startswith("externaldns.k8s.io/"):
        return ()
    found = []
    for endpoint in items(mapping(manifest.value.get("spec")).get("endpoints")):
        host, targets, kind = endpoint.get("dnsName"), endpoint.get("targets"), endpoint.get("recordType")
        if isinstance(host, str) and (kind in _ADDRESSES or kind == _ALIAS):
            named = [target for target in targets if isinstance(target, str)] if isinstance(targets, list) else []
            record = DnsRecord(
                endpoint=manifest.name,
                namespace=namespace_of(manifest),
                cluster=cluster,
                host=host.lower().rstrip("."),
                targets=tuple(target.lower().rstrip(".") for target in named),
                source=manifest.source,
                alias=kind == _ALIAS,
                proxied=any(
                    item.get("name") in _PROXIED and str(item.get("value")).lower() == "true"
                    for item in items(endpoint.get("providerSpecific"))
                ),
            )
            found.append(record)
    return tuple(found)
