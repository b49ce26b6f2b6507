"""A run that is stopped in the middle: every file is the old one or the new one, and nothing stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.cli.process import ENVIRONMENT, PROGRAM, cnpfix
from tests.samples import MESH, POLICY

FILES = 120


def _as_from_a_terminal() -> None:
    """Signals that whoever runs the tests ignores (a job in the background, nohup) are not ignored by the program."""
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_DFL)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A folder of policies that all need a fix."""
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "cnpfix.toml").write_text(MESH)
    for number in range(FILES):
        (folder / f"p{number:03}.yaml").write_text(POLICY)
    return folder


def _stopped(folder: Path, number: signal.Signals, after: int) -> subprocess.CompletedProcess[str]:
    """A `--write` that gets a signal, with all its processes as from a terminal, once so many files are written."""
    watched = folder / f"p{after:03}.yaml"
    with subprocess.Popen(
        [*PROGRAM, "--write", "-j", "2"],
        cwd=folder,
        env=ENVIRONMENT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=_as_from_a_terminal,
    ) as process:
        deadline = time.monotonic() + 60
        while watched.stat().st_size == len(POLICY) and process.poll() is None:
            assert time.monotonic() < deadline
            os.sched_yield()
        os.killpg(process.pid, number)
        _, err = process.communicate(timeout=60)
        return subprocess.CompletedProcess(process.args, process.returncode, "", err)


def _texts(folder: Path) -> list[str]:
    return [(folder / f"p{number:03}.yaml").read_text() for number in range(FILES)]


@pytest.mark.parametrize(
    ("number", "after"), [(signal.SIGINT, 0), (signal.SIGINT, 50), (signal.SIGTERM, 10), (signal.SIGHUP, 10)]
)
def test_a_stopped_run_leaves_whole_files_and_nothing_else(
    repository: Path, number: signal.Signals, after: int
) -> None:
    ran = _stopped(repository, number, after)
    assert ran.returncode == 128 + number
    assert ran.stderr == "cnpfix: interrupted; no file was left half written\n"
    assert sorted(os.listdir(repository)) == ["cnpfix.toml", *(f"p{each:03}.yaml" for each in range(FILES))]
    texts = _texts(repository)
    assert texts[after] != POLICY, "it had begun"
    assert len(set(texts)) <= 2, "each is the old text or the new one"
    assert cnpfix(repository, "--write").returncode == 0
    assert len(set(_texts(repository))) == 1, "the next run does the rest"


def test_a_killed_run_leaves_whole_files(repository: Path) -> None:
    ran = _stopped(repository, signal.SIGKILL, 20)
    assert ran.returncode == -signal.SIGKILL
    assert len(set(_texts(repository))) <= 2
    left = [name for name in os.listdir(repository) if not name.startswith("p")]
    assert all(name == "cnpfix.toml" or name.endswith(".tmp") for name in left), "what stays is no manifest"
    ran = cnpfix(repository, "--write")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert len(set(_texts(repository))) == 1


def test_stopped_while_the_report_is_written(repository: Path) -> None:
    os.mkfifo(repository / "report")
    with (
        subprocess.Popen(
            [*PROGRAM, "--write", "--format", "json", "--output", "report"],
            cwd=repository,
            env=ENVIRONMENT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=_as_from_a_terminal,
        ) as process,
        (repository / "report").open() as reader,
    ):
        reader.read(1)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode in (0, 130)
    assert "Traceback" not in err
    assert len(set(_texts(repository))) == 1, "every file was done"
