"""What manifests of other projects bring, by their addresses: definitions of kinds alone, or pods of one namespace.

A release of a project puts its pods into one namespace, whatever the repository that applies it by URL does. Only
projects whose manifests name that namespace are listed, and only where no kustomization changes it.
"""

from __future__ import annotations

from collections.abc import Mapping

from rewriter import patterns as re

_YAML = re.compile(r"\.(?:ya?ml|json)$")
_DEFINITIONS = re.compile(r"(?:^|[-_.])(?:crds?|customresourcedefinitions?)(?:[-_.]|$)")
_ALONE = re.compile(r"(?:^|[-_.])(?:crds?|customresourcedefinitions?)$")
_MAKES_MORE = re.compile(r"install|deploy|daemonset|operator|manager|controller|bundle|with|[-_.]and[-_.]|all-in-one")
#: The files of a release of the Gateway API: definitions, and an admission policy for them.
_GATEWAY_API = re.compile(r"kubernetes-sigs/gateway-api/.*/(?:standard|experimental)-install\.ya?ml$")
#: Projects (owner and repository on GitHub) → the namespace of the pods that their manifests make.
_NAMESPACES: Mapping[str, str] = {
    "alex1989hu/kubelet-serving-cert-approver": "kubelet-serving-cert-approver",
    "cert-manager/cert-manager": "cert-manager",
    "cloudnative-pg/cloudnative-pg": "cnpg-system",
    "cloudnative-pg/plugin-barman-cloud": "cnpg-system",
    "dragonflydb/dragonfly-operator": "dragonfly-operator-system",
    "jetstack/cert-manager": "cert-manager",
    "k8snetworkplumbingwg/multus-cni": "kube-system",
    "k8snetworkplumbingwg/whereabouts": "kube-system",
    "kubernetes-csi/external-snapshotter": "kube-system",
    "kubernetes-sigs/metrics-server": "kube-system",
    "kubernetes/ingress-nginx": "ingress-nginx",
    "kubevirt/containerized-data-importer": "cdi",
    "kubevirt/kubevirt": "kubevirt",
    "longhorn/longhorn": "longhorn-system",
    "metallb/metallb": "metallb-system",
    "nvidia/k8s-device-plugin": "kube-system",
    "rancher/local-path-provisioner": "local-path-storage",
    "rancher/system-upgrade-controller": "system-upgrade",
    "squat/generic-device-plugin": "kube-system",
}
#: What the documentation of Talos names: each makes pods that carry its own name, and runs beside the system's.
_OF_THE_SYSTEM = re.compile(r"/(?:kubelet-serving-cert-approver|metrics-server)/")
#: Folders of a project that hold no release of it.
_BESIDE = re.compile(r"/(?:[\w-]*examples?|[\w-]*samples?|docs?|demos?|tests?|e2e|hack)/")
_GITHUB = re.compile(r"^https://(?:raw\.githubusercontent\.com|github\.com)/([^/]+/[^/]+)/", re.IGNORECASE)


def may_make_pods(url: str) -> bool:
    """Whether the manifests of a URL may make pods or Services that a policy's selector could mean."""
    return not defines_kinds(url) and _OF_THE_SYSTEM.search(url) is None


def namespace_of_release(url: str) -> str | None:
    """The namespace into which a manifest of a known project puts its pods; None for other addresses."""
    found = _GITHUB.match(url)
    if found is None or not _YAML.search(url) or _BESIDE.search(url.lower()):
        return None
    return _NAMESPACES.get(found.group(1).lower())


def defines_kinds(address: str) -> bool:
    """Whether a URL, or a folder of another repository, holds CustomResourceDefinitions alone, by its name."""
    path = address.partition("?")[0].rstrip("/").lower()
    if _GATEWAY_API.search(path):
        return True
    folder, _, name = path.rpartition("/")
    stem = _YAML.sub("", name)
    if _MAKES_MORE.search(stem):
        return False
    if _ALONE.search(stem):
        return True
    if stem == name:
        return False  # A folder, of which the name says what it holds, not those above it.
    in_folder = any(part in ("crd", "crds") for part in re.split(r"//|/", folder)[-3:])
    return in_folder or _DEFINITIONS.search(stem) is not None


def kept_folders(ignore: object) -> tuple[str, ...]:
    """The only folders that the `ignore` of a GitRepository keeps; none where it does not leave all others out."""
    lines = ignore.split() if isinstance(ignore, str) else []
    kept = tuple(line.removeprefix("!") for line in lines if line.startswith("!"))
    return kept if {"/*", "/**", "*", "**"} & set(lines) else ()
