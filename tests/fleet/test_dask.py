"""A fleet on a Dask cluster: a real scheduler and two worker processes on loopback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest

from tests.fleet.conftest import SHOP, Fleet

pytest.importorskip("distributed", reason="NOT TESTED: dask.distributed is not installed (cnpfix[fleet])")


@pytest.fixture
def scheduler(fleet: Fleet) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """The address of a scheduler, and its two workers."""
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    with ExitStack() as stack:

        def start(*arguments: str) -> subprocess.Popen[bytes]:
            log = stack.enter_context((fleet.folder / f"{arguments[0]}.log").open("ab"))
            command = [sys.executable, "-m", "distributed.cli.dask_" + arguments[0], *arguments[1:]]
            process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=fleet.folder)
            stack.callback(process.wait)
            stack.callback(process.kill)
            return process

        file = fleet.folder / "scheduler.json"
        options = ("--no-dashboard", "--scheduler-file", str(file))
        start("scheduler", "--host", "127.0.0.1", "--port", "0", *options)
        worker = ("--no-dashboard", "--no-nanny", "--nthreads", "1", "--scheduler-file", str(file))
        workers = [start("worker", *worker) for _ in range(2)]
        while not (file.exists() and file.read_text().endswith("}")):
            with suppress(subprocess.TimeoutExpired):
                workers[0].wait(timeout=0.05)
        yield json.loads(file.read_text())["address"], workers


def test_the_findings_are_those_of_this_machine(
    fleet: Fleet, scheduler: tuple[str, list[subprocess.Popen[bytes]]]
) -> None:
    for number in range(3):
        fleet.add(f"more-{number}", {path: text.replace("shop", f"more-{number}") for path, text in SHOP.items()})
    ran = fleet.run("--dask", scheduler[0])
    assert ran.code == 0, ran.err
    report = fleet.report()
    assert report["summary"]["fixes"] == 4
    steps = fleet.steps()
    assert fleet.run().code == 0
    assert (fleet.steps(), fleet.report()) == (steps, report), "nothing is done again here"


def test_a_worker_that_is_lost_loses_nothing(
    fleet: Fleet, scheduler: tuple[str, list[subprocess.Popen[bytes]]]
) -> None:
    for number in range(3):
        fleet.add(f"more-{number}", {path: text.replace("shop", f"more-{number}") for path, text in SHOP.items()})
    command = [sys.executable, "-m", "rewriter", "fleet", str(fleet.folder / "fleet.toml"), "--dask", scheduler[0]]
    driver = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while driver.poll() is None and "facts" not in _ledger(fleet):
        with suppress(subprocess.TimeoutExpired):
            driver.wait(timeout=0.05)
    scheduler[1][0].send_signal(signal.SIGKILL)
    assert driver.wait(timeout=120) == 0
    assert fleet.report()["summary"]["fixes"] == 4
    assert len(fleet.steps()) == len(set(fleet.steps())) == 10


def _ledger(fleet: Fleet) -> str:
    ledger = fleet.work / "ledger.jsonl"
    return ledger.read_text() if ledger.exists() else ""


def test_a_scheduler_that_does_not_answer_is_one_line(fleet: Fleet) -> None:
    ran = fleet.run("--dask", "nonsense")
    assert ran.code == 2 and "--dask nonsense" in ran.err
