"""Ranges and the API server that scripts give to k3s, RKE2 and kubeadm as arguments.

- k3s and RKE2: `--cluster-cidr` and `--service-cidr`, their server's options, also within `INSTALL_K3S_EXEC`.
- kubeadm: `--pod-network-cidr`, `--service-cidr` and `--control-plane-endpoint` of `kubeadm init`.

They count where no configuration says anything else: a script may have been run once, and long ago. Those of tests and
examples set up other clusters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from rewriter.inventory.facts.model import Source
from rewriter.inventory.settings.stated import (
    KUBERNETES_PODS,
    SERVICES,
    Reading,
    StatedSetting,
    endpoint,
    networks,
)

_INSTALLS = re.compile(rb"get\.k3s\.io|get\.rke2\.io|\bk3s\s+server\b|\bkubeadm\s+init\b|\bk3sup\s+install\b")
_ARGUMENT = re.compile(
    r"--(cluster-cidr|pod-network-cidr|service-cidr|control-plane-endpoint)(?:=|[ \t]+)[\"']?([^\s\"'\\;&|)]+)"
)
_REMARK = re.compile(r"^[ \t]*#")
_FIELDS = {"cluster-cidr": KUBERNETES_PODS, "pod-network-cidr": KUBERNETES_PODS, "service-cidr": SERVICES}
#: Parts of paths of scripts that are about other clusters.
_ELSEWHERE = re.compile(
    r"(?:^|[/_.-])(?:tests?|e2e|ci|examples?|samples?|docs?|kind|minikube|vagrant)(?:[/_.-]|$)", re.I
)


def installs_cluster(path: str, data: bytes) -> bool:
    """Whether a script installs Kubernetes with arguments that may say something."""
    may = b"-cidr" in data or b"--control-plane-endpoint" in data
    return may and _INSTALLS.search(data) is not None and _ELSEWHERE.search(path) is None


def read_script(path: str, text: str) -> Iterator[Reading]:
    """What the arguments of a script say, those in its remarks left out."""
    for number, line in enumerate(text.split("\n"), 1):
        if _REMARK.match(line):
            continue
        for option, value in _ARGUMENT.findall(line):
            yield from (replace(stated, default=True) for stated in _stated(option, value, Source(path, number)))


def _stated(option: str, value: str, source: Source) -> Iterator[StatedSetting]:
    if option in _FIELDS:
        yield from networks(_FIELDS[option], value, source)
    else:
        yield from endpoint(value, source, distribution="kubeadm")
