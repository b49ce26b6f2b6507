"""The objects that app-template makes of its values (bjw-s common library, chart versions 1 to 5).

Read are controllers with their containers, Services, ConfigMaps, Ingresses, routes, ServiceMonitors, network policies,
bindings of roles and raw resources.
From version 4 on pods carry `app.kubernetes.io/controller`, in versions 2 and 3 `app.kubernetes.io/component`; version
1 has one controller and no such label. Where the version is not known, pods have both.
Source: bjw-s-labs/helm-charts, `charts/library/common/templates` (lib/controller/metadata, lib/pod, classes).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rewriter.cilium.digits import is_number
from rewriter.cilium.policy import CCNP, KNP
from rewriter.inventory.charts.app_template_hosts import ingress_spec, known_annotations, route_manifest
from rewriter.inventory.charts.app_template_maps import environment_of_maps, map_data, volumes_of_maps
from rewriter.inventory.charts.app_template_monitors import monitor_spec
from rewriter.inventory.charts.app_template_policies import kind_of, spec_of
from rewriter.inventory.charts.naming import NotKnownError, rendered, resource_name
from rewriter.inventory.objects.replicas import COUNTED_KINDS
from rewriter.inventory.releases.model import Release
from rewriter.inventory.texts.manifests import items, mapping, texts

NAME = "app-template"

_KINDS = {
    "deployment": ("apps/v1", "Deployment"),
    "statefulset": ("apps/v1", "StatefulSet"),
    "daemonset": ("apps/v1", "DaemonSet"),
    "cronjob": ("batch/v1", "CronJob"),
    "job": ("batch/v1", "Job"),
}
_POD_FIELDS = ("hostNetwork", "dnsPolicy", "dnsConfig", "automountServiceAccountToken")


def objects(release: Release) -> Iterator[dict[str, Any]]:
    """The manifests of a release. Raises NotKnownError where a name or a label is a template that is not followed."""
    chart = _Chart(release)
    yield from chart.workloads()
    services = dict(chart.services())
    yield from services.values()
    yield from chart.hosts(services)
    yield from chart.monitors(services)
    yield from chart.config_maps()
    yield from chart.network_policies()
    yield from chart.bindings()
    yield from chart.raw_resources()


class _Chart:
    def __init__(self, release: Release) -> None:
        self._release = release
        self._values = release.values
        given = mapping(self._values.get("global"))
        self._global = given
        self._name = self._text(given.get("nameOverride")) or release.name
        full = self._text(given.get("fullnameOverride")) or self._text(self._values.get("fullnameOverride"))
        contained = self._name in release.name
        self._full = full or (release.name if contained else f"{release.name}-{self._name}")
        self._first = "controllers" not in self._values and _is_first(self._values)
        self._major = 1 if self._first else release.chart.major
        self._controllers = self._enabled("controllers")
        if self._first:
            self._controllers = {"main": {**mapping(self._values.get("controller")), "containers": self._old()}}

    def _text(self, value: Any) -> str:
        return rendered(value, self._release) if isinstance(value, str) else ""

    def _enabled(self, field: str) -> dict[str, Mapping[str, Any]]:
        found = {key: mapping(value) for key, value in mapping(self._values.get(field)).items()}
        return {key: value for key, value in found.items() if value.get("enabled") is not False}

    def _selector(self, identifier: str | None) -> dict[str, str]:
        labels = {"app.kubernetes.io/name": self._name, "app.kubernetes.io/instance": self._release.name}
        if self._first or identifier is None:
            return labels
        if self._major is None or self._major < 4:
            labels["app.kubernetes.io/component"] = identifier
        if self._major is None or self._major >= 4:
            labels["app.kubernetes.io/controller"] = identifier
        extra = texts(mapping(self._controllers.get(identifier)).get("extraSelectorLabels"))
        return labels | {key: self._text(value) for key, value in extra.items()}

    def _meta(self, name: str, labels: Mapping[str, Any] | None = None) -> dict[str, Any]:
        own = {key: self._text(value) for key, value in texts(labels).items()}
        common = {
            "app.kubernetes.io/name": self._name,
            "app.kubernetes.io/instance": self._release.name,
            "app.kubernetes.io/managed-by": "Helm",
        }
        return {"name": name, "namespace": self._release.namespace, "labels": {**common, **own}}

    def workloads(self) -> Iterator[dict[str, Any]]:
        for identifier, controller in self._controllers.items():
            kind = str(controller.get("type") or "deployment").lower()
            if kind not in _KINDS:
                raise NotKnownError(f"controller type {kind}")
            api, name = _KINDS[kind]
            pod = {
                "metadata": {"labels": self._pod_labels(identifier, controller)},
                "spec": {**self._pod(controller), "volumes": self._volumes(identifier)},
            }
            spec: dict[str, Any] = {"template": pod}
            if name == "CronJob":
                spec = {"jobTemplate": {"spec": spec}}
            elif name != "Job":
                spec["selector"] = {"matchLabels": self._selector(identifier)}
            if name in COUNTED_KINDS and controller.get("replicas") is not None:
                spec["replicas"] = controller["replicas"]
            called = self._named(identifier, controller, len(self._controllers))
            yield {"apiVersion": api, "kind": name, "metadata": self._meta(called), "spec": spec}

    def _named(self, identifier: str, values: Mapping[str, Any], count: int) -> str:
        return resource_name(self._full, identifier, values, count, self._major, self._release)

    def _pod_labels(self, identifier: str, controller: Mapping[str, Any]) -> dict[str, str]:
        labels = texts(self._values.get("podLabels")) if self._first else texts(self._option(controller, "labels"))
        if self._global.get("propagateGlobalMetadataToPods") is True:
            labels = {**texts(self._global.get("labels")), **labels}
        return {key: self._text(value) for key, value in labels.items()} | self._selector(identifier)

    def _option(self, controller: Mapping[str, Any], name: str) -> Any:
        """An option of a pod: its controller's own, else the default; mappings are merged where the values ask it."""
        default = mapping(self._values.get("defaultPodOptions")).get(name)
        own = mapping(controller.get("pod")).get(name)
        if isinstance(own, dict) and isinstance(default, dict):
            strategy = self._values.get("defaultPodOptionsStrategy") or controller.get("defaultPodOptionsStrategy")
            return {**default, **own} if strategy == "merge" else own
        return default if own is None else own

    def _pod(self, controller: Mapping[str, Any]) -> dict[str, Any]:
        source: Mapping[str, Any] = (
            self._values if self._first else {key: self._option(controller, key) for key in _POD_FIELDS}
        )
        spec: dict[str, Any] = {key: source[key] for key in _POD_FIELDS if source.get(key) is not None}
        spec["serviceAccountName"] = self._account(controller)
        spec["containers"] = [
            self._container(name, part) for name, part in self._parts(controller, "containers").items()
        ]
        starting = [self._container(name, part) for name, part in self._parts(controller, "initContainers").items()]
        return spec | ({"initContainers": starting} if starting else {})

    def _parts(self, controller: Mapping[str, Any], field: str) -> dict[str, Mapping[str, Any]]:
        found = {key: mapping(value) for key, value in mapping(controller.get(field)).items()}
        return {key: value for key, value in found.items() if value.get("enabled") is not False}

    def _container(self, name: str, values: Mapping[str, Any]) -> dict[str, Any]:
        container: dict[str, Any] = {"name": name, "image": _image(values.get("image"))}
        for field in ("command", "args"):
            written = values.get(field)
            if written:
                container[field] = written if isinstance(written, list) else [str(written)]
        container["envFrom"] = environment_of_maps(self._release, values.get("envFrom"), self._map_names())
        container["env"] = list(_environment(values.get("env")))
        container["ports"] = items(values.get("ports"))
        for probe, given in mapping(values.get("probes")).items():
            spec = mapping(mapping(given).get("spec"))
            if mapping(given).get("enabled") is not False and mapping(given).get("custom") is True and spec:
                container[f"{probe}Probe"] = spec
        return container

    def _volumes(self, controller: str) -> list[dict[str, Any]]:
        persistence = mapping(self._values.get("persistence"))
        return list(volumes_of_maps(self._release, persistence, controller, self._map_names()))

    def _map_names(self) -> dict[str, str]:
        """The names of the release's own ConfigMaps, by identifier."""
        found = self._enabled("configMaps")
        names = {}
        for identifier, values in found.items():
            try:
                names[identifier] = self._named(identifier, values, len(found))
            except NotKnownError:
                continue  # One that only rendering names does not hide what else the release makes.
        return names

    def config_maps(self) -> Iterator[dict[str, Any]]:
        """The ConfigMaps of the values."""
        found = self._enabled("configMaps")
        for identifier, name in self._map_names().items():
            yield {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": self._meta(name),
                "data": map_data(found[identifier]),
            }

    def _account(self, controller: Mapping[str, Any]) -> str:
        written = self._values.get("serviceAccount")
        if self._major is not None and self._major < 4:
            account = mapping(written)
            named = self._text(account.get("name"))
            return named or (self._full if account.get("create") is True else "default")
        accounts = self._enabled("serviceAccount")
        asked = mapping(controller.get("serviceAccount"))
        if self._text(asked.get("name")):
            return self._text(asked.get("name"))
        identifier = asked.get("identifier") or (next(iter(accounts)) if len(accounts) == 1 else None)
        if identifier in accounts:
            return self._named(str(identifier), accounts[str(identifier)], len(accounts))
        by_default = (self._major or 0) >= 5 and self._global.get("createDefaultServiceAccount") is not False
        return self._full if by_default and not accounts else "default"

    def services(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """The Services, each with its identifier."""
        found = self._enabled("service")
        for identifier, service in found.items():
            name = self._named(identifier, service, len(found))
            spec: dict[str, Any] = {key: service[key] for key in _SERVICE_FIELDS if service.get(key) is not None}
            spec["ports"] = list(self._ports(service))
            extra = {key: self._text(value) for key, value in texts(service.get("extraSelectorLabels")).items()}
            spec["selector"] = extra | self._selector(self._controller_of(service))
            meta = self._meta(name, service.get("labels"))
            meta["labels"]["app.kubernetes.io/service"] = name
            meta["annotations"] = texts(service.get("annotations"))
            yield identifier, {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec}

    def hosts(self, services: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """The Ingresses and the routes, which lead to the Services."""
        for field in ("ingress", "route"):
            found = {identifier: values for identifier, values in self._enabled(field).items() if values}
            for identifier, values in found.items():
                try:
                    meta = self._meta(self._named(identifier, values, len(found)))
                except NotKnownError:
                    continue  # One that only rendering names does not hide what else the release makes.
                meta["annotations"] = known_annotations(self._release, values)
                if field == "ingress":
                    made = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress"}
                    yield {**made, "metadata": meta, "spec": ingress_spec(self._release, values, services)}
                else:
                    yield {**route_manifest(self._release, values, services), "metadata": meta}

    def monitors(self, services: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """The ServiceMonitors, which name the Services."""
        found = self._enabled("serviceMonitor")
        for identifier, values in found.items():
            try:
                meta = self._meta(self._named(identifier, values, len(found)), values.get("labels"))
                spec = monitor_spec(self._release, values, services, self._selector(None))
            except NotKnownError:
                continue  # One that only rendering fills in does not hide what else the release makes.
            yield {"apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor", "metadata": meta, "spec": spec}

    def _controller_of(self, values: Mapping[str, Any]) -> str | None:
        asked = values.get("controller")
        if isinstance(asked, str):
            return self._text(asked)
        return next(iter(self._controllers)) if len(self._controllers) == 1 else None

    def _ports(self, service: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        for name, port in mapping(service.get("ports")).items():
            number = mapping(port).get("port")
            if mapping(port).get("enabled") is False or number is None:
                continue
            protocol = str(port.get("protocol") or "TCP").upper()
            target = port.get("targetPort") or number
            plain = "TCP" if protocol in ("HTTP", "HTTPS") else protocol
            known = {"name": str(name), "port": _number(number), "targetPort": _number(target), "protocol": plain}
            yield known | ({"nodePort": port["nodePort"]} if port.get("nodePort") else {})

    def _old(self) -> dict[str, Any]:
        """The containers of version 1: the main one listens on the ports of every Service."""
        ports = [
            {"name": port["name"], "containerPort": port["targetPort"], "protocol": port["protocol"]}
            for service in self._enabled("service").values()
            for port in self._ports(service)
            if isinstance(port["targetPort"], int)
        ]
        main = {key: self._values.get(key) for key in ("image", "command", "args", "env", "probes")}
        others = {**mapping(self._values.get("sidecars")), **mapping(self._values.get("additionalContainers"))}
        return {self._full: {**main, "ports": ports}, **others}

    def network_policies(self) -> Iterator[dict[str, Any]]:
        for field, default in (("networkpolicies", "native"), ("ciliumNetworkPolicies", "cilium")):
            found = self._enabled(field)
            for identifier, policy in found.items():
                kind = kind_of(policy, default)
                meta = self._meta(self._named(identifier, policy, len(found)), policy.get("labels"))
                if kind == CCNP:
                    del meta["namespace"]
                version = "networking.k8s.io/v1" if kind == KNP else "cilium.io/v2"
                spec = spec_of(policy, kind, self._controller_of(policy), self._selector, self._text)
                yield {"apiVersion": version, "kind": kind, "metadata": meta, "spec": spec}

    def bindings(self) -> Iterator[dict[str, Any]]:
        """The bindings of roles to ServiceAccounts, which `identifier` names where they are the release's own."""
        rbac = mapping(self._values.get("rbac"))
        roles, found = mapping(rbac.get("roles")), mapping(rbac.get("bindings"))
        for identifier, values in found.items():
            binding = mapping(values)
            if binding.get("enabled") is False:
                continue
            try:
                meta = self._meta(self._named(identifier, binding, len(found)))
                subjects = [self._subject(subject) for subject in items(binding.get("subjects"))]
                role = mapping(binding.get("roleRef"))
                asked = role.get("identifier")
                if isinstance(asked, str):
                    called = self._named(asked, mapping(roles.get(asked)), len(roles))
                    role = {"kind": mapping(roles.get(asked)).get("type") or "Role", "name": called}
            except NotKnownError:
                continue  # One that only rendering names does not hide what else the release makes.
            kind = str(binding.get("type") or "RoleBinding")
            written = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": meta}
            yield {**written, "roleRef": dict(role), "subjects": subjects}

    def _subject(self, subject: Mapping[str, Any]) -> dict[str, Any]:
        identifier = subject.get("identifier")
        if not isinstance(identifier, str):
            return {key: self._text(value) for key, value in texts(subject).items()}
        accounts = self._enabled("serviceAccount")
        own = self._account({"serviceAccount": {"identifier": identifier}})
        name = self._named(identifier, accounts[identifier], len(accounts)) if identifier in accounts else own
        return {"kind": "ServiceAccount", "name": name, "namespace": self._release.namespace}

    def raw_resources(self) -> Iterator[dict[str, Any]]:
        found = self._enabled("rawResources")
        for identifier, raw in found.items():
            body = mapping(raw.get("manifest")) or {**raw, "spec": None, **mapping(raw.get("spec"))}
            named = {**self._meta(self._named(identifier, raw, len(found))), **mapping(body.get("metadata"))}
            if isinstance(body.get("kind"), str):
                yield {**body, "metadata": named}


_SERVICE_FIELDS = (
    "type",
    "clusterIP",
    "externalIPs",
    "externalName",
    "externalTrafficPolicy",
    "loadBalancerIP",
    "loadBalancerClass",
)


def _is_first(values: Mapping[str, Any]) -> bool:
    """Whether values are of version 1: one image at the top."""
    return isinstance(values.get("image"), dict) or isinstance(values.get("controller"), dict)


def _image(value: Any) -> str:
    if isinstance(value, str):
        return value
    image = mapping(value)
    return f"{image.get('repository', '')}:{image.get('tag', '')}"


def _environment(env: Any) -> Iterator[dict[str, Any]]:
    """Variables written as a mapping or as a list."""
    if isinstance(env, list):
        yield from (variable for variable in env if isinstance(variable, dict) and "name" in variable)
    for name, value in mapping(env).items():
        if isinstance(value, dict):
            given = value if "valueFrom" in value or "value" in value else {"valueFrom": value}
            yield {"name": name, **{key: item for key, item in given.items() if key in ("value", "valueFrom")}}
        else:
            yield {"name": name, "value": str(value)}


def _number(value: Any) -> int | str:
    if isinstance(value, str) and is_number(value):
        return int(value)
    return value if isinstance(value, int | str) else str(value)


def readable(values: Mapping[str, Any]) -> bool:
    """Whether values have the form that this chart takes."""
    controllers = values.get("controllers")
    return isinstance(controllers, dict) or _is_first(values) or _only_others(values)


def _only_others(values: Mapping[str, Any]) -> bool:
    policies = ("networkpolicies", "ciliumNetworkPolicies")
    known: Sequence[str] = ("rawResources", "configMaps", "secrets", "service", "persistence", *policies)
    return not values or any(key in values for key in known)
