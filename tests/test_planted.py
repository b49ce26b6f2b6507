"""Mistakes that people commit and mend later, planted into real repositories: which of them are found.

Beside them nothing is reported that is not reported of the repository as it is.
"""

from __future__ import annotations

import io
import json
import shutil
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from rewriter.cli import run

CORPUS = Path(__file__).parent.parent.parent / "shared" / "corpus" / "gitops"


class Plant(NamedTuple):
    """A mistake: what becomes of a text of a file, and the pass that finds it (empty: none does)."""

    name: str
    file: str
    before: str
    after: str
    found_by: str


PLANTS: dict[str, list[Plant]] = {
    "timtorChen+homelab": [
        Plant(
            "another label of DNS",
            "kubernetes/promtail/networkpolicy.yaml",
            "k8s-app: kube-dns",
            "k8s-app: coredns",
            "missing-namespace",
        ),
        Plant(
            "no rule for DNS beside toFQDNs",
            "kubernetes/vaultwarden/app/netpol.yaml",
            (
                "      - toEndpoints:\n"
                "          - matchLabels:\n"
                "              k8s:io.kubernetes.pod.namespace: kube-system\n"
                "              k8s-app: kube-dns\n"
                "        toPorts:\n"
                "          - ports:\n"
                "              - protocol: ANY\n"
                '                port: "53"\n'
                "            rules:\n"
                "              dns: &push\n"
                "                - matchName: push.bitwarden.com\n"
                "                - matchName: identity.bitwarden.com\n"
                "      - toFQDNs: *push\n"
            ),
            (
                "      - toFQDNs:\n"
                "          - matchName: push.bitwarden.com\n"
                "          - matchName: identity.bitwarden.com\n"
            ),
            "fqdn-without-dns",
        ),
        Plant(
            "a peer without its namespace",
            "kubernetes/unpoller/app/netpol.yaml",
            ("              k8s:io.kubernetes.pod.namespace: unifi-controller\n"),
            "",
            "missing-namespace",
        ),
        Plant(
            "a name that rules.dns refuse",
            "kubernetes/rustic-exporter/app/netpol.yaml",
            ("dns: &b2\n                - matchName: s3.us-east-005.backblazeb2.com\n      - toFQDNs: *b2\n"),
            (
                "dns:\n"
                "                - matchName: s3.us-west-005.backblazeb2.com\n"
                "      - toFQDNs:\n"
                "          - matchName: s3.us-east-005.backblazeb2.com\n"
            ),
            "dns-refused",
        ),
        Plant(
            "DNS past the proxy",
            "kubernetes/etcd-backup/app/netpol.yaml",
            (
                "            rules:\n"
                "              dns:\n"
                "                - matchName: talos.default.svc.cluster.local.\n"
                "                - matchName: &s3 s3.us-east-005.backblazeb2.com\n"
                "      # allow connection to master node\n"
                "      - toEntities:\n"
                "          - remote-node\n"
                "      # allow connection to b2\n"
                "      - toFQDNs:\n"
                "          - matchName: *s3\n"
            ),
            (
                "      # allow connection to master node\n"
                "      - toEntities:\n"
                "          - remote-node\n"
                "      # allow connection to b2\n"
                "      - toFQDNs:\n"
                "          - matchName: s3.us-east-005.backblazeb2.com\n"
            ),
            "fqdn-without-dns",
        ),
        Plant(
            "a misspelt label of the subject",
            "kubernetes/miniflux/app/netpol.yaml",
            "app.kubernetes.io/name: miniflux",
            "app.kubernetes.io/name: minflux",
            "unselected-subject",
        ),
        Plant(
            "one rule as two",
            "kubernetes/kube-system/metrics-server/netpol.yaml",
            ('      - toEntities: ["host", "remote-node"]\n        toPorts:'),
            ('      - toEntities: ["host", "remote-node"]\n      - toPorts:'),
            "split-rule",
        ),
    ],
    "kelchm+home-lab": [
        Plant(
            "a port that nothing speaks of",
            "kubernetes/apps/media/qbittorrent/app/networkpolicy.yaml",
            'port: "8080"',
            'port: "8090"',
            "",
        ),
        Plant(
            "a misspelt namespace",
            "kubernetes/apps/ai/grafana-mcp/app/networkpolicy.yaml",
            "k8s:io.kubernetes.pod.namespace: observability",
            "k8s:io.kubernetes.pod.namespace: observabilty",
            "missing-namespace",
        ),
        Plant(
            "a misspelt label of a peer",
            "kubernetes/apps/ai/markitdown-mcp/app/networkpolicy.yaml",
            "app.kubernetes.io/name: metamcp",
            "app.kubernetes.io/name: metamc",
            "missing-namespace",
        ),
        Plant(
            "no rule for DNS",
            "kubernetes/apps/ai/metamcp/app/networkpolicy.yaml",
            (
                "    - toEndpoints:\n"
                "        - matchLabels:\n"
                "            k8s:io.kubernetes.pod.namespace: kube-system\n"
                "            k8s-app: kube-dns\n"
                "      toPorts:\n"
                "        - ports:\n"
                '            - port: "53"\n'
                "              protocol: UDP\n"
                '            - port: "53"\n'
                "              protocol: TCP\n"
            ),
            "",
            "dns-refused",
        ),
        Plant(
            "two kinds of peer",
            "kubernetes/apps/identity/kanidm/app/networkpolicy.yaml",
            ("            app.kubernetes.io/name: traefik\n      toPorts"),
            ("            app.kubernetes.io/name: traefik\n      fromEntities: [host]\n      toPorts"),
            "mixed-peers",
        ),
        Plant(
            "the ClusterIP of the API server",
            "kubernetes/apps/ai/flux-operator-mcp/app/networkpolicy.yaml",
            ("    - toEntities:\n        - kube-apiserver\n"),
            ('    - toCIDR: [10.43.0.1/32]\n      toPorts:\n        - ports: [{port: "443", protocol: TCP}]\n'),
            "api-server",
        ),
    ],
    "bjw-s-labs+home-ops": [
        Plant(
            "pods as a CIDR",
            "kubernetes/apps/selfhosted/atuin/app/ciliumnetworkpolicy.yaml",
            (
                "    - fromEndpoints:\n"
                "        - matchLabels:\n"
                "            k8s:io.kubernetes.pod.namespace: network\n"
                "            gateway.networking.k8s.io/gateway-name: envoy-internal\n"
            ),
            ("    - fromCIDR: [10.244.0.0/16]\n"),
            "internal-cidr",
        ),
        Plant(
            "a peer without its namespace, on ingress",
            "kubernetes/apps/selfhosted/searxng/app/ciliumnetworkpolicy.yaml",
            ("            k8s:io.kubernetes.pod.namespace: ai\n"),
            "",
            "missing-namespace",
        ),
        Plant(
            "a port of no Service",
            "kubernetes/apps/media/jellyfin/app/ciliumnetworkpolicy.yaml",
            'port: "8096"',
            'port: "80"',
            "unreached-service",
        ),
        Plant(
            "toPort",
            "kubernetes/apps/selfhosted/it-tools/app/ciliumnetworkpolicy.yaml",
            "toPorts:",
            "toPort:",
            "unknown-field",
        ),
        Plant(
            "fromEndpoint",
            "kubernetes/apps/media/navidrome/app/ciliumnetworkpolicy.yaml",
            "fromEndpoints:",
            "fromEndpoint:",
            "unknown-field",
        ),
    ],
    "theepicsaxguy+homelab": [
        Plant(
            "a misspelt Service",
            "k8s/infrastructure/network/policies/applications/web/jmap-webmail/allow-jmap-webmail-access.yaml",
            ('  - toCIDR: ["10.0.0.0/8"]\n'),
            ("  - toServices: [{k8sService: {serviceName: jmap-webmal, namespace: jmap-webmail}}]\n"),
            "unresolved-reference",
        ),
        Plant(
            "a port beside the pods' own",
            "k8s/infrastructure/network/policies/applications/ai/qdrant/allow-qdrant-access.yaml",
            (
                '      - port: "6333"\n'
                "        protocol: TCP\n"
                "  - fromEndpoints:\n"
                "    - matchLabels:\n"
                "        k8s:io.kubernetes.podNamespace"
            ),
            (
                '      - port: "6330"\n'
                "        protocol: TCP\n"
                "  - fromEndpoints:\n"
                "    - matchLabels:\n"
                "        k8s:io.kubernetes.podNamespace"
            ),
            "unlistened-port",
        ),
        Plant(
            "icmps beside toPorts",
            "k8s/infrastructure/network/policies/applications/tools/it-tools/allow-it-tools-access.yaml",
            ("    - ingress\n    toPorts:"),
            ("    - ingress\n    icmps: [{fields: [{type: 8, family: IPv4}]}]\n    toPorts:"),
            "rejected",
        ),
    ],
}


def _findings(tree: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    monkeypatch.chdir(tree)
    out = io.StringIO()
    with redirect_stdout(out), redirect_stderr(io.StringIO()):
        run(["--dry-run", "--format", "json", "--no-cache", "-j", "1", "."])
    findings: list[dict[str, Any]] = json.loads(out.getvalue())["findings"]
    return findings


@pytest.mark.parametrize("repository", PLANTS)
def test_planted_mistakes_are_found_and_nothing_beside_them(
    repository: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not (CORPUS / repository).is_dir():
        pytest.skip("no corpus of real repositories in ../shared/corpus")
    plants = PLANTS[repository]
    tree = tmp_path / "planted"
    shutil.copytree(CORPUS / repository, tree, copy_function=shutil.copyfile)
    for plant in plants:
        text = (tree / plant.file).read_text()
        assert plant.before in text, plant.name
        (tree / plant.file).write_text(text.replace(plant.before, plant.after))
    before = {(each["file"], each["id"], each["message"]) for each in _findings(CORPUS / repository, monkeypatch)}
    after = [each for each in _findings(tree, monkeypatch) if (each["file"], each["id"], each["message"]) not in before]
    found = {each["file"]: {one["id"] for one in after if one["file"] == each["file"]} for each in after}
    for plant in plants:
        wanted = {plant.found_by} if plant.found_by else set()
        assert found.pop(plant.file, set()) == wanted, plant.name
    assert found == {}


def test_nearly_all_of_them_are_found() -> None:
    """The one that is not is a port of pods that declare none: they may listen on more than their Services name."""
    plants = [plant for of_one in PLANTS.values() for plant in of_one]
    assert (len(plants), sum(bool(plant.found_by) for plant in plants)) == (21, 20)
