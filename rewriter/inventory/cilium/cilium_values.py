"""What Helm values of the cilium chart say of a cluster (Cilium install/kubernetes/cilium/values.yaml)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rewriter import yamltext
from rewriter.cilium.digits import is_number
from rewriter.inventory.cilium.agent_config import agent_settings, chart_options, open_settings
from rewriter.inventory.cilium.cilium_config import REJECT_CODE
from rewriter.inventory.cilium.datapath_values import read_datapath
from rewriter.inventory.facts.datapath import Datapath
from rewriter.inventory.facts.model import AgentSettings, Source
from rewriter.inventory.settings.stated import is_loopback, ranges
from rewriter.inventory.texts.manifests import items, known_text, mapping
from rewriter.records import dataclass

#: The chart's default of cluster.name.
DEFAULT_NAME = "default"
#: The chart's defaults of ipam.mode and ipam.operator.clusterPoolIPv4PodCIDRList.
DEFAULT_IPAM, DEFAULT_POOL = "cluster-pool", "10.0.0.0/8"
#: The mode in which each namespace may take its addresses from a pool of its own.
MULTI_POOL = "multi-pool"
_NATIVE = ("ipv4NativeRoutingCIDR", "ipv6NativeRoutingCIDR")


@dataclass(frozen=True, slots=True)
class CiliumSettings(AgentSettings):
    """One installation's settings; None where its values do not show them.

    `members` are the other clusters that clustermesh.config.clusters names, `pods_within` the
    native-routing CIDRs or else the chart's default pool (both may be wider than what pods have), `complete` says that
    every source of its values was read, `unread` names those that were not. `open` are the fields that are set to a
    placeholder, each with that text. `cited` are the lines of single keys, where they are known.
    """

    source: Source
    name: str | None = None
    id: int | None = None
    version: str | None = None
    pod_cidrs: tuple[str, ...] | None = None
    pods_within: tuple[str, ...] | None = None
    ipam: str | None = None
    api_server_host: str | None = None
    api_server_port: int | None = None
    datapath: Datapath | None = None
    members: tuple[str, ...] = ()
    meshed: bool = False
    kube_proxy_replacement: bool | None = None
    dns_name_error: bool | None = None
    complete: bool = True
    unread: str = ""
    open: tuple[tuple[str, str], ...] = ()
    cited: tuple[tuple[str, Source], ...] = ()

    def source_of(self, field: str) -> Source:
        """Where the value of a field stands."""
        return next((source for name, source in self.cited if name == field), self.source)


#: KubePrism, the proxy that Talos runs on every machine, and where the API servers of Talos listen (Talos docs).
KUBEPRISM_PORT, TALOS_API_PORT = 7445, 6443


def read_values(values: Mapping[str, Any], source: Source, version: str | None, *, complete: bool) -> CiliumSettings:
    """The settings in values. Texts with a substitution that is not made are no settings."""
    cluster, mesh = mapping(values.get("cluster")), mapping(values.get("clustermesh"))
    _extra, config = mapping(values.get("extraConfig")), mapping(mesh.get("config"))
    name = known_text(cluster.get("name"))
    if name is None and cluster.get("name") is None and complete:
        name = DEFAULT_NAME
    members = _members(config.get("clusters"))
    number = cluster.get("id")
    host, port = _api_server(values)
    return CiliumSettings(
        source,
        name=name,
        id=number if isinstance(number, int) and not isinstance(number, bool) else None,
        version=version.removeprefix("v") if version and version.removeprefix("v")[:1].isdigit() else None,
        pod_cidrs=_pod_cidrs(values),
        pods_within=_pods_within(values, complete=complete),
        ipam=_ipam(values, complete=complete),
        api_server_host=host,
        api_server_port=port,
        datapath=read_datapath(values, complete=complete),
        members=tuple(member for member in members if member != name),
        meshed=bool(members) or mesh.get("useAPIServer") is True or config.get("enabled") is True,
        kube_proxy_replacement=_flag(values.get("kubeProxyReplacement")),
        dns_name_error=_name_error(
            mapping(values.get("extraConfig")).get(
                REJECT_CODE, mapping(values.get("dnsProxy")).get("dnsRejectResponseCode")
            )
        ),
        complete=complete,
        open=(*open_name(cluster.get("name")), *open_settings(chart_options(values))),
        **agent_settings(chart_options(values)),
    )


def open_name(name: Any) -> tuple[tuple[str, str], ...]:
    """The name of a cluster where it is a placeholder, as `CiliumSettings.open` has it."""
    return (("name", name),) if isinstance(name, str) and yamltext.has_substitution(name) else ()


def merged_values(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Values laid over each other as Helm does: maps are merged, everything else is replaced, null removes."""
    result: dict[str, Any] = {}
    for part in parts:
        result = _over(result, part)
    return result


def _over(base: Mapping[str, Any], part: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(base)
    for key, value in part.items():
        old = result.get(key)
        if value is None:
            result.pop(key, None)
        elif isinstance(old, dict) and isinstance(value, dict):
            result[key] = _over(old, value)
        else:
            result[key] = value
    return result


def _members(clusters: Any) -> list[str]:
    """The names of clustermesh.config.clusters, a list of objects or (from 1.19) an object by name."""
    if isinstance(clusters, dict):
        named: list[tuple[Any, Mapping[str, Any]]] = [(name, mapping(value)) for name, value in clusters.items()]
    else:
        named = [(value.get("name"), value) for value in items(clusters)]
    return [text for name, value in named if value.get("enabled") is not False and (text := known_text(name))]


def _pod_cidrs(values: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The pools that all pods come from; None where another way than pools gives addresses, or none is set.

    With `ipam.mode: multi-pool` there may be more pools, as objects (CiliumPodIPPool).
    """
    ipam = mapping(values.get("ipam"))
    operator = mapping(ipam.get("operator"))
    if ipam.get("mode") == MULTI_POOL:
        return pools_of(mapping(operator.get("autoCreateCiliumPodIPPools")).values())
    if ipam.get("mode", DEFAULT_IPAM) != DEFAULT_IPAM:
        return None
    found: list[str] = []
    for family, default in (("4", True), ("6", False)):
        enabled = mapping(values.get(f"ipv{family}")).get("enabled", default)
        written = operator.get(f"clusterPoolIPv{family}PodCIDRList")
        if enabled is True and written:
            pools = ranges(written)
            if not pools:
                return None
            found += pools
    return tuple(found) or None


def pools_of(pools: Iterable[Any]) -> tuple[str, ...] | None:
    """The ranges of pools (`spec` of CiliumPodIPPool); None where one is not written in full, or there is none."""
    found: list[str] = []
    for pool in pools:
        written = [mapping(mapping(pool).get(family)).get("cidrs") for family in ("ipv4", "ipv6")]
        known = [ranges(cidrs) for cidrs in written if cidrs]
        if not all(known):
            return None
        found += [cidr for cidrs in known for cidr in cidrs]
    return tuple(found) or None


def _native_cidrs(values: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(cidr for key in _NATIVE if (cidr := known_text(values.get(key))))


def _pods_within(values: Mapping[str, Any], *, complete: bool) -> tuple[str, ...] | None:
    """The native-routing CIDRs, else the pool that the chart takes where values name none."""
    native = tuple(cidr for text in _native_cidrs(values) for cidr in ranges(text))
    if native or any(values.get(key) for key in _NATIVE):
        return native or None
    pool = mapping(mapping(values.get("ipam")).get("operator")).get("clusterPoolIPv4PodCIDRList")
    has_pool = mapping(values.get("ipv4")).get("enabled", True) is True and not pool
    is_default = complete and has_pool and _ipam(values, complete=True) == DEFAULT_IPAM
    return (DEFAULT_POOL,) if is_default else None


def _ipam(values: Mapping[str, Any], *, complete: bool) -> str | None:
    written = mapping(values.get("ipam")).get("mode")
    return known_text(written) if written else DEFAULT_IPAM if complete else None


def _api_server(values: Mapping[str, Any]) -> tuple[str | None, int | None]:
    """k8sServiceHost and k8sServicePort; of a proxy on loopback only where it leads, if its port shows that."""
    host, port = known_text(values.get("k8sServiceHost")), values.get("k8sServicePort")
    number = int(port) if isinstance(port, str) and is_number(port) else port
    if host is None or host == "auto":
        return None, None
    if is_loopback(host):
        return None, TALOS_API_PORT if number == KUBEPRISM_PORT else None
    return host, number if isinstance(number, int) and 0 < number < 65536 else None


def _name_error(value: Any) -> bool | None:
    return value.lower() == "nameerror" if isinstance(value, str) else None


def _flag(value: Any) -> bool | None:
    if isinstance(value, str):
        return {"true": True, "strict": True, "false": False, "disabled": False}.get(value.lower())
    return value if isinstance(value, bool) else None
