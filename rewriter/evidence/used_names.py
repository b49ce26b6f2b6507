"""The DNS names that pods evidently use: from their arguments, environment and ConfigMaps, and what Flux fetches.

Only what reads like an address that a program connects to counts: a URL, a name with a port, a whole value that is a
name. Settings that give pods their own address (`ROOT_URL`, `--domain`) do not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from rewriter import patterns as re
from rewriter.evidence.context import Context
from rewriter.evidence.reachable import workload_key
from rewriter.inventory.facts.model import Workload
from rewriter.inventory.objects.pods import FROM_VALUES
from rewriter.inventory.texts.manifests import items, mapping, texts

_LABEL = r"[a-z0-9_](?:[-a-z0-9_]*[a-z0-9])?"
_NAME = rf"(?:{_LABEL}\.)*{_LABEL}"
_URL = re.compile(rf"\b[a-z][a-z0-9+.-]*://(?:[^/@\s]*@)?(?P<name>{_NAME})\.?(?=[:/?#\s]|$)", re.IGNORECASE)
_HOST_AND_PORT = re.compile(rf"(?P<name>{_NAME})\.?:\d{{2,5}}(?:/\S*)?", re.IGNORECASE)
_WHOLE = re.compile(rf"(?:{_LABEL}\.)+{_LABEL}\.?", re.IGNORECASE)
_SCP = re.compile(rf"[\w.-]+@(?P<name>{_NAME}):(?!\d)", re.IGNORECASE)
_SEPARATORS = re.compile(r"[\s,;\"'|<>()\[\]]+")
#: Last labels of names that are names and no files, classes or versions.
_COMMON_DOMAINS = "com net org io dev app cloud ai gov edu info tv me"
_COUNTRY_DOMAINS = "co uk de eu us fr ch nl se no fi at be it es pl cz jp au ca"
_DOMAINS = frozenset((*_COMMON_DOMAINS.split(" "), *_COUNTRY_DOMAINS.split(" ")))
_NO_NAMESPACES = frozenset({"com", "net", "org"})
#: Settings that give a program its own address, or name something else than a peer.
_OWN = re.compile(
    r"(?:^|[_.-])(?:root|base|public|site|app|self|own|external|redirect|callback|canonical|cors|allowed|allow|origins|"
    r"trusted|csrf|e?mail|from|sender|domains?|realm|vhost|no_?proxy|image|web|frontend|ingress|server_?name|cookie|"
    r"issuer|hostname|overwrite\w*|advertise\w*|user_?agent|namespace|label|annotation|class)s?(?:[_.-]|$)",
    re.IGNORECASE,
)
_PROXIES = frozenset({"http_proxy", "https_proxy", "all_proxy"})
#: The setting that says where instances of CloudNativePG keep their backups.
BACKUPS = "endpointURL"
_API_SERVER = ("kubernetes.default", "kubernetes")
_READ_ANYWHERE = frozenset({"SecretStore", "ClusterSecretStore"})


class UsedName(NamedTuple):
    """A name, in lower case and without final dot, and where it is written: `env HUB of Deployment a/b, file:3`."""

    name: str
    where: str

    def __str__(self) -> str:
        return f"{self.name}: {self.where}"


def used_names(context: Context, workload: Workload | None) -> tuple[UsedName, ...]:
    """The names that the pods of a workload use, each once; the API server's own are left out. Of no workload, none.

    With a proxy in their environment, pods ask for names inside the cluster only: the proxy asks for the others.
    Read once for each workload of a run.
    """
    if workload is None:
        return ()
    key = ("used names", *workload_key(workload))
    if key not in context.answers:
        context.answers[key] = _used_names(context, workload)
    used: tuple[UsedName, ...] = context.answers[key]
    return used


def _used_names(context: Context, workload: Workload) -> tuple[UsedName, ...]:
    found = dict[str, UsedName]()
    proxied = False
    for key, text, where in settings_of_pods(context, workload):
        if key.lower() in _PROXIES:
            proxied = True
        elif not is_own_address(key):
            for name in names_in(text):
                found.setdefault(name, UsedName(name, where))
    own = _own_hosts(context, workload)
    names = [used for used in found.values() if used.name not in own and (not proxied or is_internal(used.name))]
    return (*_fetched(context, workload), *(used for used in names if not used.name.startswith(_API_SERVER)))


def is_own_address(key: str) -> bool:
    """Whether a setting holds the own address of a program, or names something other than a peer."""
    return _OWN.search(key) is not None


def _own_hosts(context: Context, workload: Workload) -> frozenset[str]:
    """The names under which others reach what runs in the namespace: a program that has one uses it for links."""
    inventory, here = context.inventory, workload.namespace
    routed = (name for route in inventory.routes() if route.namespace == here for name in route.hostnames)
    served = (name for ingress in inventory.ingresses() if ingress.namespace == here for name in ingress.hostnames)
    return frozenset(name.lower() for name in (*routed, *served))


def names_in(text: str) -> Iterator[str]:
    """The names in a value that a program connects to."""
    if len(text) > 20_000:
        return
    tokens = _SEPARATORS.split(text)
    for token in tokens:
        if "$" in token or "{" in token:
            continue
        match = _URL.search(token)
        if match is None and "://" not in token:
            match = _HOST_AND_PORT.fullmatch(token.rpartition("=")[2])
        name = match["name"] if match else token if len(tokens) == 1 and _WHOLE.fullmatch(token) else ""
        name = name.lower().rstrip(".")
        if _is_name(name, whole=match is None):
            yield name


def is_internal(name: str) -> bool:
    """Whether a name is one of the cluster's own: of a Service or a pod, with the default cluster domain or none."""
    labels = name.lower().rstrip(".").split(".")
    return "svc" in labels[1:] or labels[-2:] == ["cluster", "local"]


def is_of_common_domain(name: str) -> bool:
    """Whether a name has a last label that is hardly a namespace of a cluster: `api.example.com`, and not `db.dev`."""
    labels = name.split(".")
    return labels[-1] in (_DOMAINS if len(labels) > 2 else _NO_NAMESPACES)


def _is_name(name: str, *, whole: bool) -> bool:
    labels = name.split(".")
    if len(labels) < 2 or not all(labels) or labels[-1].isdigit() or name in ("localhost.localdomain",):
        return False
    if is_internal(name):
        return True
    if labels[-1] == "local" or not labels[-1].isalpha():
        return False
    return not whole or labels[-1] in _DOMAINS


def settings_of_pods(context: Context, workload: Workload) -> Iterator[tuple[str, str, str]]:
    """The settings of a workload's containers: name, text, and where each is written."""
    yield from _of_backups(context, workload)
    yield from _of_resources(context, workload)
    template = context.inventory.pod_template(workload)
    if template is None:
        return
    spec = template.spec
    for container in (*items(spec.get("containers")), *items(spec.get("initContainers"))):
        yield from _arguments(container, workload)
        for variable in items(container.get("env")):
            name, value = str(variable.get("name")), variable.get("value")
            if isinstance(value, str):
                yield name, value, f"env {name} of {workload}, {workload.source}"
            reference = mapping(mapping(variable.get("valueFrom")).get("configMapKeyRef"))
            yield from _of_map(context, workload, reference.get("name"), only=reference.get("key"), named=name)
        for path, text in texts(container.get(FROM_VALUES)).items():
            for setting, value in _lines(path, text):
                yield setting, value, f"the value {path} of the release of {workload}, {workload.source}"
        for source in items(container.get("envFrom")):
            yield from _of_map(context, workload, mapping(source.get("configMapRef")).get("name"))
    for volume in items(spec.get("volumes")):
        yield from _of_map(context, workload, mapping(volume.get("configMap")).get("name"))
        for source in items(mapping(volume.get("projected")).get("sources")):
            yield from _of_map(context, workload, mapping(source.get("configMap")).get("name"))


def _of_backups(context: Context, workload: Workload) -> Iterator[tuple[str, str, str]]:
    """Where instances of CloudNativePG keep their backups."""
    if workload.kind != "Cluster" or "cnpg.io/cluster" not in workload.labels:
        return
    stores = [
        store
        for store in context.inventory.backup_stores()
        if store.namespace == workload.namespace and workload.cluster in (None, store.cluster)
    ]
    own = [store for store in stores if (store.kind, store.name) == ("Cluster", workload.name)]
    named = {name for store in own for name in store.stores}
    for store in (*own, *(store for store in stores if store.kind == "ObjectStore" and store.name in named)):
        if store.url:
            yield BACKUPS, store.url, f"{BACKUPS} of {store}, {store.source}"


def _of_resources(context: Context, workload: Workload) -> Iterator[tuple[str, str, str]]:
    """The addresses of resources that the pods of a workload read, or are made of."""
    for given in context.inventory.resource_addresses():
        if workload.cluster is not None and given.cluster not in (None, workload.cluster):
            continue
        if given.reader is None:
            named = (workload.name, workload.labels.get("app.kubernetes.io/instance"))
            reads = (workload.kind, workload.namespace) == (given.kind, given.namespace) and given.name in named
        else:
            # A store of secrets is read wherever its controller runs; the others by that of their own namespace.
            near = workload.namespace == given.namespace or given.kind in _READ_ANYWHERE
            reads = near and given.reader in workload.labels.items()
        if reads:
            for path, text in given.texts:
                yield path, text, f"{path} of {given}, {given.source}"


def _arguments(container: Mapping[str, Any], workload: Workload) -> Iterator[tuple[str, str, str]]:
    before = ""
    for field in ("command", "args"):
        written = container.get(field)
        for argument in written if isinstance(written, list) else ():
            if not isinstance(argument, str):
                continue
            flag, equals, value = argument.partition("=") if argument.startswith("-") else (before, "", argument)
            yield flag.lstrip("-"), value if equals else argument, f"arguments of {workload}, {workload.source}"
            before = argument if argument.startswith("-") and not equals else ""


def _of_map(
    context: Context, workload: Workload, name: Any, *, only: Any = None, named: str = ""
) -> Iterator[tuple[str, str, str]]:
    """What a ConfigMap holds: plain values by their key, and the lines of whole files."""
    if not isinstance(name, str):
        return
    for config_map in context.inventory.config_maps(name, workload.namespace):
        where = f"{config_map} of {workload}, {config_map.source}"
        for key, text in config_map.data.items():
            if only is not None and key != only:
                continue
            for setting, value in _lines(named or key, text):
                yield setting, value, where


def _lines(key: str, text: str) -> Iterator[tuple[str, str]]:
    """A plain value by its key, and the lines of a whole file as settings of their own."""
    if "\n" not in text.strip():
        yield key, text.strip()
        return
    for line in text.splitlines():
        setting, _, value = line.strip().partition(":") if ": " in line else line.strip().partition("=")
        if not setting.startswith(("#", "//", ";")):
            yield setting.strip(" -\"'"), value.strip()


def _fetched(context: Context, workload: Workload) -> Iterator[UsedName]:
    """Where Flux's source-controller fetches from: the sources of its namespace."""
    if "source-controller" not in (workload.name, *workload.labels.values()):
        return
    for repository in context.inventory.repositories():
        here = workload.cluster is None or repository.cluster in (None, workload.cluster)
        if repository.namespace == workload.namespace and here:
            match = _URL.match(repository.url) or _SCP.match(repository.url)
            name = match["name"].lower() if match else ""
            if "." in name and "$" not in repository.url and not name.rpartition(".")[2].isdigit():
                yield UsedName(name, f"{repository}, {repository.source}")
