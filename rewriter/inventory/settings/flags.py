"""Ranges that stand at any depth of a file: arguments and keys of k3s, RKE2, RKE and k0s, and variables of Ansible.

- k3s and RKE2: `cluster-cidr` and `service-cidr` as keys, as arguments and as texts, their server configuration;
  `https-listen-port`, which is 6443 where the configuration does not name it.
- RKE: `cluster_cidr` and `service_cluster_ip_range` of `services.kube-controller`, its cluster.yml.
- k0s: `podCIDR` and `serviceCIDR` of its ClusterConfig, elsewhere beside each other; `externalAddress` and `port` of
  `spec.api`, k0s' own docs/configuration.md.
- kubespray: `kube_pods_subnet`, `kube_service_addresses` and `kube_apiserver_port`, its docs/ansible/vars.md, and
  `loadbalancer_apiserver`, its docs/operations/ha-mode.md.
- techno-tim's k3s-ansible: `apiserver_endpoint`, the address that its control planes share.
- Other variables of Ansible by the names that people give them, in the folders that Ansible reads variables from.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from rewriter import patterns as re
from rewriter import yamltext
from rewriter.inventory.facts.model import Source
from rewriter.inventory.settings.stated import (
    API_HOST,
    API_PORT,
    KUBERNETES_PODS,
    SERVICES,
    Reading,
    StatedDistribution,
    StatedSetting,
    address,
    endpoint,
    field_of_name,
    moved,
    networks,
    ranges,
    usual_port,
)
from rewriter.inventory.texts.manifests import mapping

_ARGUMENT = re.compile(r"--(cluster-cidr|service-cidr|service-cluster-ip-range)[= ](\S+)")
#: An option of RKE2 as a text, as roles of Ansible take it.
_OPTION = re.compile(r"(cluster-cidr|service-cidr): *(\S+)")
#: The names of the add-on in `disable` of k3s and RKE2.
_DNS_ADDONS = frozenset({"coredns", "rke2-coredns"})
#: Keys of which k3s' and RKE2's own configuration has one beside its ranges.
_K3S_KEYS = frozenset(
    {"disable", "disable-kube-proxy", "disable-network-policy", "flannel-backend", "cni", "token", "tls-san", "server"}
    | {"write-kubeconfig-mode", "cluster-init", "cluster-dns", "node-ip", "secrets-encryption"}
)
_K3S = {"cluster-cidr": KUBERNETES_PODS, "service-cidr": SERVICES}
#: Where the API server of k3s and RKE2 listens.
_LISTEN = "https-listen-port"
_LISTEN_ARGUMENT = re.compile(r"--https-listen-port[= ](\d{1,5})\b")
_K0S = {"podCIDR": KUBERNETES_PODS, "serviceCIDR": SERVICES}
_RKE = {"cluster_cidr": KUBERNETES_PODS, "service_cluster_ip_range": SERVICES}
_API_OF_K0S = frozenset({"externalAddress", "port"})
#: Variables of kubespray, with those of IPv6 that count in a cluster of both families.
_KUBESPRAY = {
    KUBERNETES_PODS: ("kube_pods_subnet", "kube_pods_subnet_ipv6"),
    SERVICES: ("kube_service_addresses", "kube_service_addresses_ipv6"),
}
_KUBESPRAY_LISTS = {"kube_pods_subnets": KUBERNETES_PODS, "kube_service_subnets": SERVICES}
#: Where an API server listens, of kubespray, and where machines reach it, of k3s-ansible.
_API_SERVER_PORT, _API_SERVER_ENDPOINT, _BALANCER = (
    "kube_apiserver_port",
    "apiserver_endpoint",
    "loadbalancer_apiserver",
)
_API_SERVER = frozenset({_API_SERVER_PORT, _API_SERVER_ENDPOINT, _BALANCER})
_DUAL_STACK = ("enable_dual_stack_networks", "ipv6_stack")
#: Folders from which Ansible takes variables, and in which a range is one of the cluster by its name alone.
_VARIABLES = frozenset({"group_vars", "host_vars", "inventory", "inventories"})
#: Names that are those of a cluster in any folder.
_OF_CLUSTER = re.compile(r"cluster_(?:pod|svc|service)s?_cidrs?")
#: Kinds of manifests whose arguments are those of the cluster itself where they run in its own namespace.
_STATIC = frozenset({"Pod", "DaemonSet"})
_OWN_GROUPS = frozenset({"k0s.k0sproject.io", "k0sctl.k0sproject.io"})
#: A cluster within the cluster, whose ranges are its own.
_VIRTUAL = "vcluster"
_DEPTH = 8

ReadText = Callable[[str, str], Iterator[Reading]]
"""What a text says that is a file of its own: a path and the text."""


def read_flags(path: str, document: yamltext.Document, read_text: ReadText) -> Iterator[Reading]:
    """What a document says; nothing of a manifest that may be about another cluster. Texts in it are read as files."""
    if _VIRTUAL not in path and _is_of_cluster(mapping(document.value)):
        yield from _Reader(path, document, read_text).read("", document.value, 0)


def _is_of_cluster(value: Mapping[str, Any]) -> bool:
    group, kind = str(value.get("apiVersion", "")).partition("/")[0], value.get("kind")
    in_system = mapping(value.get("metadata")).get("namespace") == "kube-system"
    return kind is None or group in _OWN_GROUPS or (kind in _STATIC and in_system)


class _Reader:
    def __init__(self, path: str, document: yamltext.Document, read_text: ReadText) -> None:
        self._path = path
        self._document = document
        self._read_text = read_text
        folders = posixpath.dirname(path).split("/")
        group = str(mapping(document.value).get("apiVersion", "")).partition("/")[0]
        self._of_k0s = group in _OWN_GROUPS
        self._variables = not _VARIABLES.isdisjoint(folders)
        #: A role's defaults give way to every variable of the inventory.
        self._default = "roles" in folders and folders[-1] == "defaults"

    def _at(self, route: str) -> Source:
        return Source(self._path, yamltext.locate(self._document, route).line)

    def read(self, route: str, value: Any, depth: int) -> Iterator[Reading]:
        """The readings at and below a route."""
        if depth > _DEPTH:
            return
        if isinstance(value, dict):
            yield from self._mapping(route, value, depth)
        elif isinstance(value, list):
            for index, item in enumerate(value):
                yield from self.read(f"{route}/{index}", item, depth + 1)
        elif isinstance(value, str):
            yield from self._text(route, value)

    def _mapping(self, route: str, value: dict[str, Any], depth: int) -> Iterator[Reading]:
        names = dict(_K3S)
        if not _K3S.keys().isdisjoint(value) and not _K3S_KEYS.isdisjoint(value):
            yield StatedDistribution("k3s", self._at(route), dns=_DNS_ADDONS.isdisjoint(_words(value.get("disable"))))
            if _LISTEN not in value:
                yield usual_port("k3s and RKE2", self._at(route))
        if self._of_k0s or _K0S.keys() <= value.keys():
            names |= _K0S
        if route.endswith("/kube-controller"):
            names |= _RKE
        yield from self._kubespray(route, value)
        for key, item in value.items():
            if str(key) == _VIRTUAL:
                continue
            below = f"{route}/{str(key).replace('~', '~0').replace('/', '~1')}"
            if key == _LISTEN and isinstance(item, int):
                yield StatedSetting(API_PORT, item, self._at(below))
            elif self._of_k0s and route.endswith("/spec/api") and key in _API_OF_K0S:
                yield from self._api_of_k0s(item, below)
            elif self._variables and key in _API_SERVER:
                yield from self._api_server(str(key), item, below)
            elif field := names.get(key) or self._by_name(str(key)):
                for stated in networks(field, item, self._at(below)):
                    yield replace(stated, default=self._default)
            else:
                yield from self.read(below, item, depth + 1)

    def _api_server(self, key: str, item: Any, route: str) -> Iterator[Reading]:
        if key == _API_SERVER_PORT and isinstance(item, int):
            yield StatedSetting(API_PORT, item, self._at(route), default=self._default)
        elif host := address(mapping(item).get("address") if key == _BALANCER else item):
            yield StatedSetting(API_HOST, host, self._at(route), default=self._default)

    def _api_of_k0s(self, item: Any, route: str) -> Iterator[Reading]:
        if isinstance(item, int):
            yield StatedSetting(API_PORT, item, self._at(route))
        else:
            yield from endpoint(item, self._at(route))

    def _by_name(self, name: str) -> str | None:
        return field_of_name(name) if self._variables or _OF_CLUSTER.fullmatch(name) else None

    def _kubespray(self, route: str, value: Mapping[str, Any]) -> Iterator[Reading]:
        both = any(value.get(name) is True for name in _DUAL_STACK)
        for field, (first, second) in _KUBESPRAY.items():
            found = [(name, ranges(value.get(name))) for name in ((first, second) if both else (first,))]
            if first in value and all(cidrs for name, cidrs in found if name in value):
                known = tuple(cidr for _name, cidrs in found for cidr in cidrs)
                for stated in networks(field, list(known), self._at(f"{route}/{first}")):
                    yield replace(stated, default=self._default)
        for name, field in _KUBESPRAY_LISTS.items():
            for stated in networks(field, value.get(name), self._at(f"{route}/{name}")) if name in value else ():
                yield replace(stated, default=self._default)

    def _text(self, route: str, value: str) -> Iterator[Reading]:
        if option := _OPTION.fullmatch(value):
            yield from networks(_K3S[option[1]], option[2], self._at(route))
            return
        for match in _LISTEN_ARGUMENT.finditer(value):
            yield StatedSetting(API_PORT, int(match[1]), self._at(route))
        for match in _ARGUMENT.finditer(value):
            field = KUBERNETES_PODS if match[1] == "cluster-cidr" else SERVICES
            yield from networks(field, match[2].strip("\"'"), self._at(route))
        if "\n" in value and not value.startswith("#!"):
            # The text of a block begins below the line of its mark.
            yield from moved(self._read_text(self._path, value), self._at(route).line or 0)


def _words(value: Any) -> list[str]:
    """A list of texts, or one text with commas."""
    return [str(item) for item in value] if isinstance(value, list) else re.split(r"[\s,]+", str(value or ""))
