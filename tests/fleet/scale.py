"""A fleet of a thousand repositories on loopback: how long it takes, and what killed processes cost.

`make fleet` makes the repositories, serves them by git's own `http-backend` beside an API that lists them, and runs
`cnpfix fleet` with one and with two workers; `--kills 50` also kills a worker or the driver at 50 moments drawn by
seed, with an API that fails half of the time, a repository that hangs, one of 2 GB and one that is garbage, and with
requests. Exit 1 when a bound is not held.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bot.server import TOKEN, Answer, Call, git, serving
from tests.fleet.conftest import Organisation

#: Times as fast with two workers as with one.
LEAST_GAIN = 1.8
MOST_MEGABYTES = 500
#: Part of the steps that are done again, in a run that is killed; of a small fleet one for each kill, which ends one.
MOST_AGAIN = 0.01
HANGS, LARGE, GARBAGE = "z-hangs", "z-large", "z-garbage"
#: Far above what one with policies and workloads takes, far below what it has.
MOST_OF_LARGE = 10 << 20

_CONFIG = '[[clusters]]\nname = "prod"\n'
_WORKLOAD = """apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec: {{containers: [{{name: main, image: main, ports: [{{containerPort: 8080}}]}}]}}
"""
_POLICY = """apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  endpointSelector: {{matchLabels: {{app: {app}}}}}
  ingress:
  - fromEndpoints:
    - matchLabels: {{app: {peer}}}  # who calls it
    toPorts:
    - ports: [{{port: "8080", protocol: TCP}}]
"""


def files_of(number: int, count: int, policies: int) -> dict[str, str]:
    """A team's repository: workloads, and policies for them; one policy means the agent of the team before."""
    namespace = f"team-{number}"
    files = {"cnpfix.toml": _CONFIG}
    apps = [f"app-{each}" for each in range(5)]
    for name in (*apps, f"agent-{number}"):
        files[f"workloads/{name}.yaml"] = _WORKLOAD.format(name=name, namespace=namespace)
    for each in range(policies):
        peer = f"agent-{(number - 1) % count}" if each == 0 else apps[(each + 1) % 5]
        text = _POLICY.format(name=f"p-{each}", namespace=namespace, app=apps[each % 5], peer=peer)
        files[f"policies/p-{each}.yaml"] = text
    return files


def make(folder: Path, count: int, policies: int) -> None:
    """The bare repositories of organisation `acme`, each with one commit."""
    empty = folder / "empty"
    git(folder, "init", "--quiet", "--bare", "--template=", "--initial-branch=main", str(empty))
    git(empty, "config", "http.receivepack", "true")
    git(empty, "config", "uploadpack.allowFilter", "true")
    for number in range(count):
        bare = folder / "acme" / f"r-{number:04}.git"
        shutil.copytree(empty, bare)
        fill(bare, files_of(number, count, policies))
    shutil.rmtree(empty)


def fill(bare: Path, files: dict[str, str], zeros: int = 0) -> None:
    """Gives a repository one commit: files, and one of so many zeros if there are to be any."""
    command = ["git", "-C", str(bare), "fast-import", "--quiet", "--force"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(b"commit refs/heads/main\ncommitter A <a@example.org> 1700000000 +0000\ndata 5\nBegin\n")
        for name, text in files.items():
            data = text.encode()
            process.stdin.write(f"M 100644 inline {name}\ndata {len(data)}\n".encode() + data + b"\n")
        if zeros:
            process.stdin.write(f"M 100644 inline data.bin\ndata {zeros}\n".encode())
            for _ in range(zeros >> 20):
                process.stdin.write(bytes(1 << 20))
            process.stdin.write(b"\n")
    assert process.returncode == 0


def make_hard(folder: Path, count: int) -> None:
    """Repositories that are hard: one that the server hangs for, one of 2 GB, one that is garbage."""
    for name in (HANGS, LARGE, GARBAGE):
        shutil.copytree(folder / "acme" / "r-0000.git", folder / "acme" / f"{name}.git")
    fill(folder / "acme" / f"{LARGE}.git", files_of(count, count + 1, 1), zeros=2 << 30)
    garbage = {"cnpfix.toml": "[[clusters]\n", "policy.yaml": "kind: CiliumNetworkPolicy\n\tx: [\n"}
    fill(folder / "acme" / f"{GARBAGE}.git", garbage)


@dataclass
class Flaky(Organisation):
    """An organisation whose API answers 429 or 502 to every second request."""

    asked: int = 0
    fails: bool = False

    def answer(self, call: Call, url: str) -> Answer:
        self.asked += 1
        if self.fails and self.asked % 2:
            return Answer(429, {"message": "slow down"}, {"Retry-After": "0"}) if self.asked % 4 == 1 else Answer(502)
        return super().answer(call, url)


def serve(folder: Path, fails: bool) -> None:
    """Serves the repositories of a folder until stdin ends; the address is the first line of stdout."""
    names = sorted(path.name.removesuffix(".git") for path in (folder / "acme").iterdir())
    api = Flaky(names=names, page_size=100, fails=fails)
    with serving(folder, api) as server:
        if fails:
            server.hanging.add(f"/acme/{HANGS}.git")
        print(server.url, flush=True)
        sys.stdin.read()
        print(json.dumps([made["base"]["repo"]["full_name"] for made in api.requests]))


@contextmanager
def served(folder: Path, fails: bool = False, requests: list[str] | None = None) -> Iterator[str]:
    """The address of a server in a process of its own; `requests` takes the repositories of those that were opened."""
    command = [sys.executable, "-m", "tests.fleet.scale", "--serve", str(folder), *(["--fails"] if fails else [])]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None and process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.stdin.close()
        made = json.loads(process.stdout.read() or "[]")
        process.wait()
        if requests is not None:
            requests += made


def configure(work: Path, url: str, more: str = "", match: str = "*") -> Path:
    work.mkdir()
    path = work / "fleet.toml"
    source = f'[[sources]]\ngithub = "acme"\napi_url = "{url}/api/v3"\nmatch = "{match}"\n'
    path.write_text(f'timeout = 30\nfrom = "1.18"\nto = "1.19"\n{source}{more}')
    return path


def start(settings: Path, workers: int) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "GITHUB_TOKEN": TOKEN, "GIT_CONFIG_GLOBAL": "/dev/null"}
    command = [sys.executable, "-m", "rewriter", "fleet", str(settings), "--workers", str(workers)]
    with (settings.parent / "log").open("ab") as log:
        return subprocess.Popen(command, stdout=log, stderr=log, env=environment)


def report(settings: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((settings.parent / "fleet-work" / "fleet.json").read_text())
    return content


def killed(settings: Path, kills: int, seconds: float, seed: int) -> tuple[int, int]:
    """Runs a fleet to its end, which takes about so many seconds, while workers and drivers are killed.

    A kill comes some time after the last one, so that most runs get somewhere. Returns how many runs that took, and how
    many of the kills were of workers.
    """
    chance = random.Random(seed)
    longest = max(12.0, 3 * seconds / (kills or 1))
    gaps = [chance.uniform(0.5, longest) for _ in range(kills)]
    last, runs, of_workers = time.monotonic(), 0, 0
    driver = None
    while True:
        if driver is None or driver.poll() is not None:
            if driver is not None and driver.returncode >= 0 and not gaps:
                return runs, of_workers
            driver, runs = start(settings, 2), runs + 1
        with suppress(subprocess.TimeoutExpired):
            driver.wait(timeout=max(0.0, last + gaps[0] - time.monotonic()) if gaps else None)
            continue
        gaps.pop(0)
        last = time.monotonic()
        workers = _children(driver.pid)
        victim = chance.choice(workers) if workers and chance.random() < 0.5 else driver.pid
        of_workers += victim != driver.pid
        with suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)
        if victim == driver.pid:
            driver.wait()


def _children(pid: int) -> list[int]:
    """All processes below one."""
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True)
    own = [int(word) for word in found.stdout.split()]
    return [*own, *(below for each in own for below in _children(each))]


def main() -> int:
    options = argparse.ArgumentParser()
    options.add_argument("--repositories", type=int, default=1000)
    options.add_argument("--policies", type=int, default=20)
    options.add_argument("--kills", type=int, default=0)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--serve", type=Path)
    options.add_argument("--fails", action="store_true")
    given = options.parse_args()
    if given.serve:
        serve(given.serve, given.fails)
        return 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "acme").mkdir()
        make(folder, given.repositories, given.policies)
        return _faults(folder, given) if given.kills else _speed(folder, given.repositories)


def _speed(folder: Path, count: int) -> int:
    seconds: dict[int, float] = {}
    good = True
    with served(folder) as url:
        for workers in (1, 2):
            settings = configure(folder / f"work-{workers}", url)
            began, spent = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
            driver = start(settings, workers)
            _, status, usage = os.wait4(driver.pid, 0)
            seconds[workers] = time.monotonic() - began
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            used = after.ru_utime + after.ru_stime - spent.ru_utime - spent.ru_stime
            found = report(settings)["summary"]
            good &= os.waitstatus_to_exitcode(status) == 0 and found["fixes"] == count
            print(
                f"{workers} workers: {seconds[workers]:.1f} s, {used:.1f} s of processor time, {found['fixes']} to fix"
            )
        megabytes = usage.ru_maxrss / 1024
        print(f"two workers: {seconds[1] / seconds[2]:.2f} times as fast; the largest process had {megabytes:.0f} MB")
        first, second = (report(folder / f"work-{workers}" / "fleet.toml") for workers in (1, 2))
        good &= first["repositories"] == second["repositories"]
    return 0 if good and seconds[1] / seconds[2] >= LEAST_GAIN and megabytes < MOST_MEGABYTES else 1


def _faults(folder: Path, given: argparse.Namespace) -> int:
    """A run that is killed, on a forge that fails, with hard repositories, beside one that is left alone."""
    with served(folder) as url:
        began = time.monotonic()
        whole = configure(folder / "whole", url)
        start(whole, 2).wait()
        seconds = time.monotonic() - began
    make_hard(folder, given.repositories)
    requests: list[str] = []
    with served(folder, fails=True, requests=requests) as url:
        settings = configure(
            folder / "killed", url, f"[pr]\nenabled = true\nlimit_per_hour = {2 * given.repositories}\n"
        )
        runs, workers = killed(settings, given.kills, seconds, given.seed)
        once = _steps(settings)
        start(settings, 2).wait()
        idle = _steps(settings) == once
    work = settings.parent / "fleet-work"
    begun = sum(
        json.loads(file.read_text())["begun"] for file in work.glob("traces/*/*.json") if GARBAGE not in str(file)
    )
    again = begun - len(set(once))
    print(f"{given.kills} kills, {workers} of them of workers, {runs} runs")
    print(f"{len(once)} steps, {len(set(once))} different, {again} begun again")
    more = "nothing" if idle else "SOMETHING"
    print(f"{len(requests)} requests, {len(set(requests))} different; a run more does {more}")
    states = {each["name"].removeprefix("acme/"): each["state"] for each in report(settings)["repositories"]}
    hard = {name: states.pop(name) for name in (HANGS, LARGE, GARBAGE)}
    (large,) = work.glob(f"clones/acme_{LARGE}-*")
    size = sum(path.stat().st_size for path in large.rglob("*") if path.is_file())
    print(f"{hard}; the one of 2 GB takes {size / (1 << 20):.1f} MiB; others {set(states.values())}")
    same = _findings(whole) == _findings(settings)[: given.repositories]
    print("the same findings" if same else "OTHER FINDINGS")
    good = same and idle and size <= MOST_OF_LARGE
    good &= hard == {HANGS: "failed", LARGE: "done", GARBAGE: "failed"} and set(states.values()) == {"done"}
    good &= len(once) == len(set(once)) and len(requests) == len(set(requests)) == given.repositories + 1
    return 0 if good and again <= max(MOST_AGAIN * len(once), given.kills if given.repositories < 1000 else 0) else 1


def _steps(settings: Path) -> list[tuple[str, str]]:
    """The steps that were done, by repository."""
    ledger = settings.parent / "fleet-work" / "ledger.jsonl"
    entries = [json.loads(line) for line in ledger.read_text().splitlines()]
    return [(each["repository"].rsplit("/", 1)[1], each["step"]) for each in entries if each["outcome"] == "done"]


def _findings(settings: Path) -> list[Any]:
    """What was found, by repository; the port of the server, which is another one each time, is left out."""
    files = sorted((settings.parent / "fleet-work" / "findings").iterdir(), key=lambda path: path.name[:-14])
    texts = [re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1", file.read_text()) for file in files]
    return [json.loads(text)["findings"] for text in texts]


if __name__ == "__main__":
    sys.exit(main())
