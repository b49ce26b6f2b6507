"""What the agent's options say of how policies are read (Cilium pkg/option), by the keys of ConfigMap cilium-config."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rewriter import yamltext
from rewriter.inventory.texts.manifests import mapping

_FLAGS = {
    "default_local_cluster": "policy-default-local-cluster",
    "node_selector_labels": "enable-node-selector-labels",
    "extended_ip_protocols": "enable-extended-ip-protocols",
    "audit": "policy-audit-mode",
    "host_firewall": "enable-host-firewall",
    "cluster_network_policies": "enable-k8s-cluster-network-policy",
    "mutual_authentication": "mesh-auth-enabled",
}
_LISTS = {"identity_labels": "labels", "node_labels": "node-labels"}
#: The paths in values of the cilium chart that set options.
_PATHS = {
    "clustermesh.policyDefaultLocalCluster": "policy-default-local-cluster",
    "nodeSelectorLabels": "enable-node-selector-labels",
    "policyAuditMode": "policy-audit-mode",
    "hostFirewall.enabled": "enable-host-firewall",
    "k8sClusterNetworkPolicy.enabled": "enable-k8s-cluster-network-policy",
    "authentication.enabled": "mesh-auth-enabled",
    "labels": "labels",
    "nodeLabels": "node-labels",
    "policyEnforcementMode": "enable-policy",
    "policyCIDRMatchMode": "policy-cidr-match-mode",
}
#: The fields that each option sets.
_FIELDS = {
    **{option: (field,) for field, option in (_FLAGS | _LISTS).items()},
    "enable-policy": ("enforcement",),
    "policy-cidr-match-mode": ("cidr_match_nodes", "cidr_match_pods"),
}
_MODES = ("default", "always", "never")
_TRUE, _FALSE = ("true", "1"), ("false", "0")


def agent_settings(options: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a `Cluster` that options set, by name; an option with a substitution sets nothing.

    `options` are texts, numbers, booleans or lists by the option's name.
    """
    known = {key: text for key, value in options.items() if (text := _text(value)) is not None}
    found: dict[str, Any] = {}
    for field, key in _FLAGS.items():
        text = known.get(key, "").lower()
        if text in _TRUE or text in _FALSE:
            found[field] = text in _TRUE
    for field, key in _LISTS.items():
        if key in known:
            found[field] = tuple(_words(known[key]))
    if known.get("enable-policy", "").lower() in _MODES:
        found["enforcement"] = known["enable-policy"].lower()
    if "policy-cidr-match-mode" in known:
        modes = _words(known["policy-cidr-match-mode"])
        found["cidr_match_nodes"] = "nodes" in modes
        if "pods" in modes:
            found["cidr_match_pods"] = True
    return found


def open_settings(options: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """The fields of a `Cluster` that options set to an unknown value, such as `${MODE}`, each with that text."""
    known = agent_settings(options)
    keys = {**_FLAGS, **_LISTS, "enforcement": "enable-policy", "cidr_match_nodes": "policy-cidr-match-mode"}
    return tuple(
        (field, str(options[key]) if isinstance(options[key], str | int) else "a placeholder")
        for field, key in keys.items()
        if field not in known and str(options.get(key) or "").strip()
    )


def chart_options(values: Mapping[str, Any]) -> dict[str, Any]:
    """The agent's options that values of the cilium chart set; `extraConfig` and then `extraArgs` come last."""
    own = {option: _at(values, path) for path, option in _PATHS.items()}
    written = {key: value for key, value in own.items() if value is not None}
    extra = {key: value for key, value in mapping(values.get("extraConfig")).items() if value is not None}
    return {**written, **extra, **dict(_arguments(values.get("extraArgs")))}


def fields_under(path: str) -> list[str]:
    """The fields of a `Cluster` that what stands at a path in values of the chart, or below it, may set."""
    if path.partition(".")[0].partition("[")[0] in ("extraConfig", "extraArgs"):
        option = path.partition(".")[2]
        return [field for name, fields in _FIELDS.items() if option in ("", name) for field in fields]
    under = [option for own, option in _PATHS.items() if f"{own}.".startswith(f"{path}.")]
    above = [option for own, option in _PATHS.items() if re.match(rf"{re.escape(own)}[.\[]", path)]
    return [field for option in (*under, *above) for field in _FIELDS[option]]


def set_with(field: str) -> tuple[str, ...]:
    """The fields that the option of a field sets."""
    return next((fields for fields in _FIELDS.values() if field in fields), (field,))


def _at(values: Mapping[str, Any], path: str) -> Any:
    *above, last = path.split(".")
    for key in above:
        values = mapping(values.get(key))
    return values.get(last)


def _arguments(written: Any) -> Iterator[tuple[str, str]]:
    """The options among command line arguments: `--key=value`, or `--key` alone for true."""
    for text in written if isinstance(written, list) else ():
        if isinstance(text, str) and text.startswith("--"):
            key, equals, value = text[2:].partition("=")
            yield key, value if equals else "true"


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Sequence) and not isinstance(value, str):
        value = " ".join(map(str, value))
    text = str(value) if isinstance(value, str | int) else None
    return None if text is None or yamltext.has_substitution(text) else text


def _words(text: str) -> list[str]:
    return [word for word in re.split(r"[\s,]+", text) if word]
