"""Measures `cnpfix impact` on inventories of three sizes: seconds, memory, and how the cost grows."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

PYTHON = sys.executable
CNPFIX = str(Path(PYTHON).with_name("cnpfix"))
SIZES = (500, 1000, 2000)
SECONDS, MEGABYTES = 20, 1024

CONFIG = """
[[clusters]]
name = "cluster-a"
local = ["**"]
[[clusters]]
name = "cluster-b"
"""
POLICY = """apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata:
  name: allow-{number}
  namespace: team-{team}
spec:
  endpointSelector:
    matchLabels:
      app: app-{number}
  ingress:
    - fromEndpoints:
        - matchLabels:
            app: app-{caller}
            k8s:io.kubernetes.pod.namespace: team-{caller_team}
        - matchLabels:
            tier: gateway
            k8s:io.kubernetes.pod.namespace: ingress
      toPorts:
        - ports:
            - port: "8080"
              protocol: TCP
  egress:
    - toEndpoints:
        - matchLabels:
            k8s:io.kubernetes.pod.namespace: kube-system
            k8s-app: kube-dns
      toPorts:
        - ports:
            - port: "53"
              protocol: ANY
    - toEndpoints:
        - {{}}
    - toCIDR: [203.0.113.0/24]
"""


def write_mesh(folder: Path, identities: int, policies: int) -> None:
    """Policies of one cluster, and a snapshot of the workloads of two; no two of them have the same labels."""
    folder.mkdir()
    (folder / "cnpfix.toml").write_text(CONFIG)
    for number in range(policies):
        caller = number * 7 % policies
        text = POLICY.format(number=number, team=number % 40, caller=caller, caller_team=caller % 40)
        (folder / f"policy-{number}.yaml").write_text(text)
    clusters = []
    for cluster in ("cluster-a", "cluster-b"):
        workloads = [
            {
                "kind": "Deployment",
                "name": f"app-{number}",
                "namespace": f"team-{number % 40}",
                "labels": {"app": f"app-{number}", "tier": "backend", "release": f"r{number % 5}"},
                "service_account": "default",
                "ports": [{"name": "http", "number": 8080, "protocol": "TCP"}],
            }
            for number in range(identities // 2)
        ]
        clusters.append({"name": cluster, "version": "1.18", "workloads": workloads})
    snapshot = {
        "cnpfix_inventory": 1,
        "created": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "clusters": clusters,
    }
    (folder / "inventory.json").write_text(json.dumps(snapshot))


def measured(command: Sequence[str]) -> tuple[float, float, float]:
    """Processor and wall seconds, and peak megabytes, of a command that must succeed."""
    code = (
        "import resource,subprocess,sys,time\n"
        "start = time.perf_counter()\n"
        "subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)\n"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "print(used.ru_utime + used.ru_stime, time.perf_counter() - start, used.ru_maxrss)"
    )
    done = subprocess.run([PYTHON, "-c", code, *command], capture_output=True, check=True, text=True)
    processor, wall, kilobytes = done.stdout.split()
    return float(processor), float(wall), int(kilobytes) / 1024


def main() -> int:
    good = True
    seconds = []
    with tempfile.TemporaryDirectory() as name:
        for size in SIZES:
            folder = Path(name) / str(size)
            write_mesh(folder, size, size // 2)
            command = [CNPFIX, "impact", "--inventory", str(folder / "inventory.json"), str(folder)]
            command += ["--config", str(folder / "cnpfix.toml")]
            # In one process, the processor's seconds are what it takes at worst, whatever else the machine does.
            took, _, megabytes = measured([*command, "-j", "1"])
            _, wall, _ = measured(command)
            seconds.append(took)
            within = took <= SECONDS and megabytes <= MEGABYTES
            good &= within
            print(
                f"impact, {size:,} identities, {size // 2:,} policies {took:12.1f} s {megabytes:8.0f} MB"
                f"  ({wall:.1f} s on the clock)  at most {SECONDS} s, {MEGABYTES} MB  {'ok' if within else 'OVER'}",
                flush=True,
            )
    growth = seconds[-1] / seconds[0]
    size = SIZES[-1] // SIZES[0]
    good &= growth <= size**1.5
    print(f"impact, {size}× the size: {growth:.1f}× the time  at most {size**1.5:.0f}×")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
