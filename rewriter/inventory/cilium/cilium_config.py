"""What the ConfigMap cilium-config says of a cluster (Cilium pkg/option and the Helm chart's cilium-configmap)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from rewriter.cilium.cidr import parsed_prefixes
from rewriter.inventory.cilium.agent_config import agent_settings
from rewriter.inventory.facts.model import Node
from rewriter.inventory.texts.manifests import mapping, texts

#: Cilium's default of cluster-name.
DEFAULT_NAME = "default"
#: The agent's option for the answer of its DNS proxy to names that no rule allows.
REJECT_CODE = "tofqdns-dns-reject-response-code"


def cluster_settings(config_map: Mapping[str, Any], agents: Iterable[str], nodes: Iterable[Node]) -> dict[str, Any]:
    """The members of a snapshot's cluster that its settings state; what they do not state is left out.

    `agents` are the images of its agents, `nodes` its Node and CiliumNode objects.
    """
    data = texts(mapping(config_map.get("data")))
    settings: dict[str, Any] = {"name": data.get("cluster-name") or DEFAULT_NAME}
    version = agent_version(agents)
    if version:
        settings["version"] = version
    pods = _pod_cidrs(data, nodes)
    if pods:
        settings["pod_cidrs"] = pods
    settings |= agent_settings({"policy-cidr-match-mode": "", **data})
    if "kube-proxy-replacement" in data:
        settings["kube_proxy_replacement"] = data["kube-proxy-replacement"].lower() in ("true", "strict")
    if REJECT_CODE in data:
        settings["dns_name_error"] = data[REJECT_CODE].lower() == "nameerror"
    if data.get("cluster-id", "0") in ("", "0"):
        settings["meshed"] = False  # A member of a mesh has an id of its own, 1 or more.
    return settings


def agent_version(images: Iterable[str]) -> str | None:
    """The release of the agents, from the tags of their images; None where they differ or have none."""
    found = {match[1] if (match := re.search(r":v?(\d+\.\d+\.\d+)[^:/]*(?:@|$)", image)) else "" for image in images}
    return found.pop() or None if len(found) == 1 else None


def _pod_cidrs(data: Mapping[str, str], nodes: Iterable[Node]) -> list[str]:
    """The pool that all pods come from, and the nodes' ranges outside it; none where other ways give addresses."""
    if data.get("ipam", "cluster-pool") != "cluster-pool":
        return []
    keys = [f"cluster-pool-{family}-cidr" for family in ("ipv4", "ipv6") if data.get(f"enable-{family}") != "false"]
    written = [text for key in keys for text in re.split(r"[\s,]+", data.get(key, "")) if text]
    pool = parsed_prefixes(written)
    if not pool:
        return []
    ranges = sorted(set(parsed_prefixes(text for node in nodes for text in node.pod_cidrs)))
    outside = [prefix for prefix in ranges if not any(known.contains(prefix) for known in pool)]
    return [str(prefix) for prefix in (*dict.fromkeys(pool), *outside)]
