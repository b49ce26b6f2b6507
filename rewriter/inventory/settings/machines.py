"""Machine and cluster configuration in YAML: Talos, talhelper, Omni, kubeadm, Cluster API and Rancher.

- Talos (`cluster.network.podSubnets`, `serviceSubnets`, `cluster.controlPlane.endpoint`), Talos documentation,
  "v1alpha1 Config"; from 1.14 on in documents of their own (`KubeNetworkConfig`, `KubeCoreDNSConfig`). The address
  that its control planes share (`vip`, `Layer2VIPConfig`) is that of the API server where no endpoint says another.
- talhelper (`clusterPodNets`, `clusterSvcNets`, `endpoint`, `nodes`), its talconfig.yaml.
- Omni's cluster templates (`patches` with `inline`), its documentation, "Cluster Templates".
- ClusterConfiguration of kubeadm (`networking`, `controlPlaneEndpoint`), KubeadmControlPlanes; TalosUpgrades of tuppr.
- Cluster API's Cluster (`spec.clusterNetwork`, `spec.controlPlaneEndpoint`).
- Rancher's Cluster of provisioning.cattle.io (`spec.rkeConfig.machineGlobalConfig`, options of RKE2 and k3s).

What stands at any depth of other files (k3s, RKE2, k0s, Ansible) is read by `flags.py`; kOps and eksctl by
`clouds.py`, what people fill into templates of repositories by `cluster_template.py`.

A file that minijinja fills in (`machineconfig.yaml.j2`) is read without its statements: what is written in full there
holds whichever machine it is for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from rewriter import patterns as re
from rewriter import yamltext
from rewriter.inventory.facts.model import Source
from rewriter.inventory.settings.clouds import read_eksctl, read_kops
from rewriter.inventory.settings.cluster_template import is_filled_in, read_filled_in
from rewriter.inventory.settings.flags import read_flags
from rewriter.inventory.settings.hosts import (
    k0sctl_hosts,
    shared,
    shared_by,
    shared_by_nodes,
    talos_machine,
    with_address,
)
from rewriter.inventory.settings.stated import (
    API_HOST,
    API_PORT,
    KUBERNETES_PODS,
    SERVICES,
    USUAL_PORT,
    Reading,
    StatedDistribution,
    StatedNode,
    StatedSetting,
    address,
    endpoint,
    is_loopback,
    moved,
    networks,
)
from rewriter.inventory.texts.manifests import items, mapping

#: Names of which one is in every file that is worth reading.
MARKS = re.compile(
    rb"podSubnets?\b|serviceSubnets?\b|clusterPodNets|clusterSvcNets|cluster-cidr|service-cidr|podCIDR:|talosVersion"
    rb"|service-cluster-ip-range|serviceClusterIPRange|[a-z]_cidrs?\b|[a-z]_subnets?\b|service_cluster_ip_range"
    rb"|kube_service_|https-listen-port"
    rb"|controlPlaneEndpoint|clusterNetwork|controlPlane:|localAPIEndpoint|coreDNS\b|TalosUpgrade|KubeadmControlPlane"
    rb"|(?m:^clusterName:)|nonMasqueradeCIDR|kops\.k8s\.io|eksctl\.io|node_cidr\b|endpoint_vip\b|schematic_id\b"
    rb"|KubeCoreDNSConfig|externalAddress\b|Layer2VIPConfig|k0sctl\.k0sproject\.io|\bvip:|apiserver_endpoint|loadbalancer_apiserver|kube_apiserver_port"
)
#: Talos' own switch of its CoreDNS, also in a patch that is a text.
#: A machine of Talos by its name.
_MACHINE = re.compile(rb"^machine:(?:.*\n)+?[ \t]+network:(?:.*\n)+?[ \t]+hostname:", re.MULTILINE)
_INTERFACES = "/machine/network/interfaces"
_WITHOUT_DNS = re.compile(r"""coreDNS["']?:\s*\{?\s*["']?disabled["']?:\s*true\b""")
#: Documents of Talos' own configuration that say something of the cluster.
_TALOS_KINDS = frozenset({"KubeNetworkConfig", "KubeCoreDNSConfig", "Layer2VIPConfig"})
#: Documents of a cluster template of Omni, which have no apiVersion.
_OMNI_KINDS = frozenset({"Cluster", "ControlPlane"})
#: Keys of which talhelper's configuration has one, if not all of those that it must have.
_TALHELPER = frozenset({"clusterPodNets", "talosVersion", "clusterSvcNets"})
_TALOS_NETWORKS = (("podSubnets", KUBERNETES_PODS), ("serviceSubnets", SERVICES))
#: A line of a template of Jinja that is a statement alone, and an expression; what stands for that is no value.
_STATEMENT = re.compile(r"^[ \t]*\{%.*%\}[ \t]*$", re.MULTILINE)
_EXPRESSION = re.compile(r"\{\{.*?\}\}")
_FILLED_IN = "<filled in>"


def read_machines(path: str, text: str) -> Iterator[Reading]:
    """What a file says; nothing of one that does not parse, but for the statements of a template of Jinja."""
    documents = _documents(path, text)
    named = (mapping(mapping(document.value).get("cluster")).get("clusterName") for document in documents)
    of_file = next((name for value in named if (name := _name(value))), None)
    for document in documents:
        if isinstance(document.value, dict):
            yield from _Reader(path, document, of_file=of_file).read()
        elif isinstance(document.value, list):
            yield from _operations(path, document)
            yield from read_flags(path, document, read_machines)


def _documents(path: str, text: str) -> Sequence[yamltext.Document]:
    try:
        return yamltext.parse(text)
    except yamltext.YamlTextError:
        if not path.endswith(".j2"):
            return ()
    try:
        return yamltext.parse(_EXPRESSION.sub(_FILLED_IN, _STATEMENT.sub("", text)))
    except yamltext.YamlTextError:
        return ()


def _operations(path: str, document: yamltext.Document) -> Iterator[Reading]:
    """A patch of Talos in the form of JSON patch: the ranges that it adds or replaces."""
    for index, item in enumerate(items(document.value)):
        if item.get("op") not in ("add", "replace"):
            continue
        network = mapping(mapping(_laid(str(item.get("path")), item.get("value")).get("cluster")).get("network"))
        source = Source(path, yamltext.locate(document, f"/{index}").line)
        for key, field in _TALOS_NETWORKS:
            if key in network:
                yield from networks(field, network[key], source)


def _laid(route: str, value: Any) -> Mapping[str, Any]:
    """What an operation makes of nothing: its value at its route; an element of a list stands for the list."""
    for step in reversed(route.strip("/").split("/")):
        value = [value] if step == "-" or step.isdecimal() else {step: value}
    return mapping(value)


class _Reader:
    """Reads a document, or the part of a List that stands at a route of it."""

    def __init__(
        self, path: str, document: yamltext.Document, value: Any = None, base: str = "", of_file: str | None = None
    ) -> None:
        self._path = path
        #: The name of the cluster of which another document of the file is the configuration.
        self._of_file = of_file
        self._document = document
        self._base = base
        self._value: Mapping[str, Any] = mapping(value if base else document.value)

    def read(self) -> Iterator[Reading]:
        group = str(self._value.get("apiVersion", "")).partition("/")[0]
        kind = self._value.get("kind")
        if not self._base and _WITHOUT_DNS.search(self._document.text):
            yield StatedDistribution("Talos", Source(self._path, 1), self._named(), dns=False)
        if kind == "List" and not self._base:
            for index, item in enumerate(items(self._value.get("items"))):
                yield from _Reader(self._path, self._document, item, f"/items/{index}").read()
        elif kind == "TalosUpgrade":
            yield StatedDistribution("Talos", self._at("/kind"))
        elif kind == "KubeadmControlPlane":
            yield from self._kubeadm_control_plane()
        elif kind == "Cluster" and group == "cluster.x-k8s.io":
            yield from self._cluster_api()
        elif kind == "Cluster" and group == "provisioning.cattle.io":
            yield from self._rancher()
        elif group == "kubeadm.k8s.io":
            yield from self._kubeadm()
        elif kind == "ConfigMap" and mapping(self._value.get("metadata")).get("name") == "kubeadm-config":
            yield from self._kubeadm_config()
        elif _TALHELPER & self._value.keys() or self._value.keys() >= {"clusterName", "endpoint", "nodes"}:
            yield from self._talhelper()
        elif kind is None and is_filled_in(self._value):
            yield from read_filled_in(self._path, self._document)
        elif kind is None and isinstance(self._value.get("cluster"), dict):
            yield from self._talos()
        elif kind is None and isinstance(mapping(self._value.get("machine")).get("network"), dict):
            machine = mapping(self._value["machine"])
            yield from shared_by(
                mapping(machine.get("network")).get("interfaces"), _INTERFACES, self._at, self._of_file
            )
            yield from talos_machine(machine, "/machine", self._at, None)
        elif kind == "Cluster" and group == "kops.k8s.io":
            yield from read_kops(self._value, self._at)
        elif kind == "ClusterConfig" and group == "eksctl.io":
            yield from read_eksctl(self._value, self._at)
        elif kind in _TALOS_KINDS and self._value.get("apiVersion") == "v1alpha1":
            yield from self._talos_document(str(kind))
        elif kind in _OMNI_KINDS and not group:
            yield from self._omni()
        elif kind == "Cluster" and group == "k0sctl.k0sproject.io":
            yield from read_flags(self._path, self._document, read_machines)
            yield from k0sctl_hosts(self._value, self._at)
        elif group != "kind.x-k8s.io":
            yield from read_flags(self._path, self._document, read_machines)

    def _at(self, route: str) -> Source:
        return Source(self._path, yamltext.locate(self._document, f"{self._base}{route}").line)

    def _named(self) -> str | None:
        """The name of the cluster that a file of Talos or talhelper is about."""
        return _name(self._value.get("clusterName")) or _name(mapping(self._value.get("cluster")).get("clusterName"))

    def _talos(self, within: str = "", value: Any = None) -> Iterator[Reading]:
        """A configuration of Talos, or a patch of one that stands at a route of the file."""
        machine = mapping(value) if within else self._value
        cluster = mapping(machine.get("cluster"))
        name = _name(cluster.get("clusterName"))
        if isinstance(machine.get("machine"), dict) or "controlPlane" in cluster or "network" in cluster:
            yield StatedDistribution("Talos", self._at(f"{within}/cluster"), name)
        network = mapping(cluster.get("network"))
        for key, field in _TALOS_NETWORKS:
            if key in network:
                yield from networks(field, network[key], self._at(f"{within}/cluster/network/{key}"), name)
        plane = mapping(cluster.get("controlPlane"))
        port = plane.get("localAPIServerPort")
        if isinstance(port, int):
            yield StatedSetting(API_PORT, port, self._at(f"{within}/cluster/controlPlane/localAPIServerPort"), name)
        own = mapping(machine.get("machine"))
        interfaces = mapping(own.get("network")).get("interfaces")
        common = list(shared_by(interfaces, f"{within}{_INTERFACES}", self._at, name or self._of_file))
        if "endpoint" in plane:
            where = self._at(f"{within}/cluster/controlPlane/endpoint")
            found = endpoint(plane["endpoint"], where, name, "Talos")
            stated = (one for one in found if one.field != API_PORT or not isinstance(port, int))
            yield from with_address(stated, common)
        else:
            yield from common
        if not within:
            yield from talos_machine(own, "/machine", self._at, name)

    def _omni(self) -> Iterator[Reading]:
        """The patches of a cluster template of Omni that are written into it; those of files are files of Talos."""
        name = _name(self._value.get("name")) if self._value.get("kind") == "Cluster" else None
        for index, patch in enumerate(items(self._value.get("patches"))):
            if isinstance(patch.get("inline"), dict):
                for machine in self._talos(f"/patches/{index}/inline", patch["inline"]):
                    yield replace(machine, cluster=machine.cluster or name)

    def _talos_document(self, kind: str) -> Iterator[Reading]:
        """A document of Talos that configures one thing; those of one file are about one machine or cluster."""
        yield StatedDistribution(
            "Talos",
            self._at("/kind"),
            self._of_file,
            dns=kind != "KubeCoreDNSConfig" or self._value.get("enabled") is not False,
        )
        if kind == "KubeNetworkConfig":
            for key, field in _TALOS_NETWORKS:
                if key in self._value:
                    yield from networks(field, self._value[key], self._at(f"/{key}"), self._of_file)
        elif kind == "Layer2VIPConfig":
            yield from shared(self._value.get("name"), self._at("/name"), self._of_file)

    def _talhelper(self) -> Iterator[Reading]:
        name = _name(self._value.get("clusterName"))
        first = next(key for key in ("clusterName", *self._value) if key in self._value)
        yield StatedDistribution("Talos", self._at(f"/{first}"), name)
        for key, field in (("clusterPodNets", KUBERNETES_PODS), ("clusterSvcNets", SERVICES)):
            if key in self._value:
                yield from networks(field, self._value[key], self._at(f"/{key}"), name)
        common = list(shared_by_nodes(self._value, self._at, name))
        if "endpoint" in self._value:
            yield from with_address(endpoint(self._value["endpoint"], self._at("/endpoint"), name, "Talos"), common)
        for route, patches in (("/patches", self._value), ("/controlPlane/patches", self._value.get("controlPlane"))):
            listed = mapping(patches).get("patches")
            for index, patch in enumerate(listed if isinstance(listed, list) else ()):
                if isinstance(patch, str) and not patch.startswith("@"):
                    # The text of a block begins below the line of its mark.
                    above = (self._at(f"{route}/{index}").line or 1) - ("\n" not in patch)
                    stated = [
                        stated for stated in read_machines(self._path, patch) if isinstance(stated, StatedSetting)
                    ]
                    yield from (replace(setting, cluster=name) for setting in moved(stated, above))
        listed = self._value.get("nodes")
        for index, node in enumerate(listed if isinstance(listed, list) else ()):
            written = mapping(node).get("ipAddress")
            found = [address(text) for text in written.split(",")] if isinstance(written, str) else []
            if found and None not in found and not any(is_loopback(part) for part in found if part):
                known = tuple(part for part in found if part)
                plane = mapping(node).get("controlPlane") is True
                where = self._at(f"/nodes/{index}/ipAddress")
                yield StatedNode(str(mapping(node).get("hostname")), known, plane, where, name)

    def _kubeadm(self) -> Iterator[Reading]:
        name = _name(self._value.get("clusterName"))
        skipped = self._value.get("skipPhases")
        if self._value.get("kind") == "ClusterConfiguration" or isinstance(skipped, list):
            own = mapping(self._value.get("dns")).get("disabled") is not True
            yield StatedDistribution("kubeadm", self._at("/kind"), name, dns=own and not _skips_dns(skipped))
        networking = mapping(self._value.get("networking"))
        for key, field in (("podSubnet", KUBERNETES_PODS), ("serviceSubnet", SERVICES)):
            if key in networking:
                yield from networks(field, networking[key], self._at(f"/networking/{key}"), name)
        if "controlPlaneEndpoint" in self._value:
            where = self._at("/controlPlaneEndpoint")
            yield from endpoint(self._value["controlPlaneEndpoint"], where, name, "kubeadm")
        port = mapping(self._value.get("localAPIEndpoint")).get("bindPort")
        if isinstance(port, int):
            yield StatedSetting(API_PORT, port, self._at("/localAPIEndpoint/bindPort"), name)

    def _kubeadm_control_plane(self) -> Iterator[Reading]:
        """Cluster API's own kubeadm, whose cluster has the name of the object by convention only."""
        config = mapping(mapping(self._value.get("spec")).get("kubeadmConfigSpec"))
        own = mapping(mapping(config.get("clusterConfiguration")).get("dns")).get("disabled") is not True
        skipped = mapping(config.get("initConfiguration")).get("skipPhases")
        name = _name(mapping(mapping(self._value.get("metadata")).get("labels")).get("cluster.x-k8s.io/cluster-name"))
        dns = own and not _skips_dns(skipped)
        yield StatedDistribution("kubeadm", self._at("/kind"), name, dns=dns, by_name=True)
        # The tree of a management cluster has those of others: without a label, only a cluster of its name is meant.
        called = name or str(mapping(self._value.get("metadata")).get("name")).removesuffix("-control-plane")
        yield from (replace(stated, by_name=True) for stated in self._of_configuration(config, called))

    def _of_configuration(self, config: Mapping[str, Any], name: str) -> Iterator[StatedSetting]:
        """The ranges and the API server of a kubeadm configuration inside of another object."""
        own, route = mapping(config.get("clusterConfiguration")), "/spec/kubeadmConfigSpec/clusterConfiguration"
        networking = mapping(own.get("networking"))
        for key, field in (("podSubnet", KUBERNETES_PODS), ("serviceSubnet", SERVICES)):
            if key in networking:
                yield from networks(field, networking[key], self._at(f"{route}/networking/{key}"), name)
        if "controlPlaneEndpoint" in own:
            where = self._at(f"{route}/controlPlaneEndpoint")
            yield from endpoint(own["controlPlaneEndpoint"], where, name, "kubeadm")

    def _kubeadm_config(self) -> Iterator[Reading]:
        """What kubeadm keeps in the ConfigMap kube-system/kubeadm-config, at the line of the text that holds it."""
        text = mapping(self._value.get("data")).get("ClusterConfiguration")
        for read_machine in read_machines(self._path, text) if isinstance(text, str) else ():
            yield replace(read_machine, source=self._at("/data/ClusterConfiguration"))

    def _rancher(self) -> Iterator[StatedSetting]:
        """A cluster that Rancher makes: the tree of a management cluster has those of others."""
        name = _name(mapping(self._value.get("metadata")).get("name"))
        config = mapping(mapping(mapping(self._value.get("spec")).get("rkeConfig")).get("machineGlobalConfig"))
        route = "/spec/rkeConfig/machineGlobalConfig"
        found: list[StatedSetting] = []
        for key, field in (("cluster-cidr", KUBERNETES_PODS), ("service-cidr", SERVICES)):
            if key in config:
                found += networks(field, config[key], self._at(f"{route}/{key}"), name)
        listens = config.get("https-listen-port")
        if isinstance(listens, int):
            found.append(StatedSetting(API_PORT, listens, self._at(f"{route}/https-listen-port"), name))
        yield from (replace(stated, by_name=True) for stated in found)

    def _cluster_api(self) -> Iterator[StatedSetting]:
        name = _name(mapping(self._value.get("metadata")).get("name"))
        spec = mapping(self._value.get("spec"))
        network = mapping(spec.get("clusterNetwork"))
        found: list[StatedSetting] = []
        for key, field in (("pods", KUBERNETES_PODS), ("services", SERVICES)):
            blocks = mapping(network.get(key)).get("cidrBlocks")
            if blocks:
                found += networks(field, blocks, self._at(f"/spec/clusterNetwork/{key}/cidrBlocks"), name)
        listens = network.get("apiServerPort")
        if isinstance(listens, int):
            found.append(StatedSetting(API_PORT, listens, self._at("/spec/clusterNetwork/apiServerPort"), name))
        plane = mapping(spec.get("controlPlaneEndpoint"))
        if isinstance(plane.get("host"), str):
            found.append(StatedSetting(API_HOST, plane["host"], self._at("/spec/controlPlaneEndpoint/host"), name))
        if plane.get("port") == USUAL_PORT and not isinstance(listens, int):
            found.append(StatedSetting(API_PORT, plane["port"], self._at("/spec/controlPlaneEndpoint/port"), name))
        yield from (replace(stated, by_name=True) for stated in found)


def _name(value: Any) -> str | None:
    if not isinstance(value, str) or yamltext.has_substitution(value) or _FILLED_IN in value:
        return None
    return value or None


def _skips_dns(phases: Any) -> bool:
    """Whether `skipPhases` of kubeadm leaves its CoreDNS out."""
    return isinstance(phases, list) and any(phase in ("addon", "addon/coredns") for phase in phases)


def holds_settings(data: bytes) -> bool:
    """Whether a file may say anything that `read_machines` reads."""
    # Each mark holds one of these, which a search without a pattern finds much sooner.
    may = (
        b"Subnet" in data
        or b"Nets" in data
        or b"-cidr" in data
        or b"-ip-range" in data
        or b"_cidr" in data
        or b"_subnet" in data
        or b"_service_" in data
        or b"IPRange" in data
        or b"podCIDR:" in data
        or b"talosVersion" in data
        or b"controlPlane" in data
        or b"clusterNetwork" in data
        or b"localAPIEndpoint" in data
        or b"https-listen-port" in data
        or b"coreDNS" in data
        or b"TalosUpgrade" in data
        or b"KubeadmControlPlane" in data
        or b"clusterName:" in data
        or b"nonMasqueradeCIDR" in data
        or b"kops.k8s.io" in data
        or b"eksctl.io" in data
        or b"endpoint_vip" in data
        or b"schematic_id" in data
        or b"KubeCoreDNSConfig" in data
        or b"IPConfig" in data
        or b"vip:" in data
        or b"externalAddress" in data
        or b"apiserver" in data
        or b"k0sctl" in data
    )
    return (may and MARKS.search(data) is not None) or (b"machine:" in data and _MACHINE.search(data) is not None)
