"""Hubble exports: lines a second and memory, in a process of its own, beside parsing every line as JSON."""

from __future__ import annotations

import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

#: Lines that are made once and repeated; the file is as varied as that.
_VARIETY = 20_000
#: What reading five million lines may take, in MiB.
MOST_MEMORY = 200

_MEASURE = """
import resource, sys, time
from pathlib import Path
from rewriter.inventory.hubble.read import read_exports
start = time.process_time()
flows = read_exports([Path(sys.argv[1])])
seconds = time.process_time() - start
print(flows.events, len(flows.flows), seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def feed(path: Path, lines: int) -> None:
    """Writes an export as Hubble's exporter would, into a pipe: pods of two clusters, replies, drops, the world."""
    made = list(_made(random.Random(7), min(lines, _VARIETY)))
    with path.open("wb") as stream:
        for start in range(0, lines, len(made)):
            stream.writelines(made[: lines - start])


def _made(chance: random.Random, count: int) -> Iterator[bytes]:
    for number in range(count):
        dropped, reply = chance.random() < 0.02, chance.random() < 0.4
        outside = chance.random() < 0.1
        source, destination = _pod(chance), _pod(chance)
        moment = f"2026-01-31T12:{number // 60 % 60:02}:{number % 60:02}.{number:09}Z"
        flow = {
            "time": moment,
            "uuid": f"{chance.getrandbits(128):032x}",
            "verdict": "DROPPED" if dropped else "FORWARDED",
            **({"drop_reason": 133} if dropped else {}),
            "ethernet": {"source": "4e:3d:5f:01:02:03", "destination": "aa:bb:cc:01:02:03"},
            "IP": {
                "source": f"10.0.{chance.randrange(16)}.{chance.randrange(250)}",
                "destination": f"203.0.113.{chance.randrange(250)}" if outside else f"10.1.0.{chance.randrange(250)}",
                "ipVersion": "IPv4",
            },
            "l4": {
                "TCP": {
                    "source_port": chance.randrange(32768, 60999),
                    "destination_port": chance.choice((80, 443, 3306, 5432, 8080, 9090)),
                    "flags": {"SYN": True},
                }
            },
            "source": source,
            "destination": {"identity": 2, "labels": ["reserved:world"]} if outside else destination,
            "Type": "L3_L4",
            "node_name": f"cluster-a/node-{chance.randrange(20)}",
            **({} if dropped else {"is_reply": reply}),
            "event_type": {"type": 1, "sub_type": 133} if dropped else {"type": 4, "sub_type": 3},
            "traffic_direction": chance.choice(("INGRESS", "EGRESS")),
            **({"drop_reason_desc": "POLICY_DENIED"} if dropped else {"trace_observation_point": "TO_STACK"}),
            "Summary": "TCP Flags: SYN",
        }
        message = {"flow": flow, "node_name": flow["node_name"], "time": moment}
        yield json.dumps(message, separators=(",", ":")).encode() + b"\n"


def _pod(chance: random.Random) -> dict[str, object]:
    number = chance.randrange(200)
    namespace = f"ns-{number % 20}"
    cluster = chance.choice(("cluster-a", "cluster-b"))
    return {
        "ID": chance.randrange(4096),
        "identity": 10_000 + number,
        "cluster_name": cluster,
        "namespace": namespace,
        "labels": [
            f"k8s:app=app-{number}",
            "k8s:app.kubernetes.io/managed-by=Helm",
            f"k8s:io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name={namespace}",
            f"k8s:io.cilium.k8s.policy.cluster={cluster}",
            "k8s:io.cilium.k8s.policy.serviceaccount=default",
            f"k8s:io.kubernetes.pod.namespace={namespace}",
        ],
        "pod_name": f"app-{number}-6d4cf56db6-{chance.randrange(99):05}",
        "workloads": [{"name": f"app-{number}", "kind": "Deployment"}],
    }


def _read(lines: int) -> list[str]:
    """What the measuring process says of an export of so many lines."""
    with tempfile.TemporaryDirectory() as folder:
        pipe = Path(folder) / "flows.json"
        os.mkfifo(pipe)
        with subprocess.Popen([sys.executable, "-c", _MEASURE, str(pipe)], stdout=subprocess.PIPE, text=True) as reader:
            feed(pipe, lines)
            return reader.communicate()[0].split()


def seconds_of_two(path: Path, lines: int) -> float:
    """Seconds on the clock, less what the machine does beside, of two processes that read an export: half of theirs."""
    feed(path, lines)
    read = (
        "import sys\nfrom pathlib import Path\nfrom rewriter.inventory.hubble.read import read_exports\n"
        "read_exports([Path(sys.argv[1])], jobs=2)"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", read, str(path)], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    path.unlink()
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / 2


def measure(lines: int) -> tuple[str, float]:
    """A line for people, and the memory of the process in MiB. Times are those of the processor."""
    sample = list(_made(random.Random(7), min(lines, _VARIETY)))
    start = time.process_time()
    for line in sample:
        json.loads(line)
    parser = len(sample) / (time.process_time() - start)
    told = _read(lines)
    events, kinds, seconds, memory = int(told[0]), int(told[1]), float(told[2]), int(told[3]) / 1024
    speed = events / seconds
    return (
        f"hubble: {events:,} lines to {kinds:,} kinds of flow in {seconds:.1f} s, {speed:,.0f} lines/s, "
        f"{speed / parser:.1f} times as fast as json.loads alone; {memory:.0f} MiB"
    ), memory


if __name__ == "__main__":
    print(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)[0])
