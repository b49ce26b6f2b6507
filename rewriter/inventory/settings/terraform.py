"""Ranges and API servers that Terraform and Terragrunt files write as plain literals (`pod_cidr = "10.42.0.0/16"`).

Expressions are not computed: what is no literal is not known. A `default` of a `variable` block counts for its name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from rewriter.inventory.facts import Source
from rewriter.inventory.settings.stated import KUBERNETES_PODS, SERVICES, StatedSetting, endpoint, networks

_FIELDS = {
    KUBERNETES_PODS: "pod_cidrs? pods_cidr pod_subnets? pods_subnets? cluster_cidr cluster_pod_cidrs? cluster_pod_nets?"
    " pod_network_cidr pod_cidr_block cluster_ipv4_cidr_block cluster_pod_subnets? podSubnets?",
    SERVICES: "service_cidrs? services_cidr service_subnets? services_subnets? cluster_service_cidrs? svc_cidrs?"
    " service_ipv4_cidr services_ipv4_cidr_block service_cidr_block cluster_service_subnets? serviceSubnets?",
}
_NAMES = {field: re.compile("|".join(names.split())) for field, names in _FIELDS.items()}
_LITERAL = re.compile(
    r'^\s*"?(?P<name>\w+)"?\s*[=:]\s*(?P<value>"[^"$]*"|\[\s*(?:"[^"$]*"\s*,?\s*)+\])\s*,?\s*(?:[#/].*)?$'
)
_VARIABLE = re.compile(r'^\s*variable\s+"(?P<name>\w+)"')
#: The URL of the API server, as modules for Talos, kubeadm and k3s call it.
_ENDPOINTS = frozenset({"cluster_endpoint", "api_server_endpoint", "kube_api_endpoint", "control_plane_endpoint"})
_OPEN_LIST = re.compile(r'^\s*"?\w+"?\s*[=:]\s*\[\s*(?:[#/].*)?$')
_COMMENT = re.compile(r"(?:#|//).*$")
#: No list of ranges is longer, in lines.
_LONGEST_LIST = 20
_QUOTED = re.compile(r'"([^"]*)"')


def read_terraform(path: str, text: str) -> Iterator[StatedSetting]:
    """The ranges of a file, in the order of its lines."""
    variable = ""
    lines = text.splitlines()
    for number, first in enumerate(lines, 1):
        line = _joined(lines, number) if _OPEN_LIST.match(first) else first
        if block := _VARIABLE.match(line):
            variable = block["name"]
        elif line.startswith("}"):
            variable = ""
        if match := _LITERAL.match(line):
            name = variable if match["name"] == "default" else match["name"]
            for field, names in _NAMES.items():
                if names.fullmatch(name):
                    yield from networks(field, _QUOTED.findall(match["value"]), Source(path, number))
            if name in _ENDPOINTS:
                yield from endpoint(match["value"].strip('"'), Source(path, number))


def _joined(lines: Sequence[str], number: int) -> str:
    """A list that goes on for several lines, as one line; `number` is that of its first."""
    parts = [_COMMENT.sub("", lines[number - 1])]
    for line in lines[number : number + _LONGEST_LIST]:
        parts.append(_COMMENT.sub("", line).strip())
        if "]" in line:
            break
    return " ".join(parts)
