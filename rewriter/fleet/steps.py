"""The steps of one repository, each a process of its own: what one of them does to itself hurts no other."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rewriter import __version__
from rewriter.bot.errors import BotError
from rewriter.bot.token import ALL_VARIABLES
from rewriter.fleet.clones import update
from rewriter.fleet.ledger import DONE, EMPTY, FAILED, Entry
from rewriter.fleet.repositories import FleetRepository

FACTS, FINDINGS, REQUESTS = "facts", "findings", "requests"
#: A process that something killed is started once more: what killed it may be gone.
_TRIES = 2
_LONGEST_REASON = 400


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a repository: the arguments of cnpfix in its clone, and the file that they make.

    `digest` is that of all that the outcome rests on beside the commit; `tokens`: the process gets the forge's token.
    """

    name: str
    repository: FleetRepository
    folder: Path
    arguments: tuple[str, ...]
    output: Path | None
    base: str
    digest: str
    timeout: int
    tokens: bool = False


def fetch(repository: FleetRepository, folder: Path, environment: Mapping[str, str]) -> str | Entry:
    """The commit that is laid out in the folder, or the entry that says why there is none."""
    began = time.monotonic()
    try:
        base = update(repository, folder, environment)
    except (BotError, OSError) as error:
        return _entry_of(repository.url, FACTS, "", "", FAILED, began, str(error))
    if not base:
        return _entry_of(repository.url, FACTS, "", "", EMPTY, began, "has no commit")
    return base


def carry_out(step: Step) -> Entry:
    """Runs a step to its end, or until its time is over."""
    began = time.monotonic()
    code, message = _process(step)
    for _ in range(_TRIES - 1):
        if code >= 0:
            break
        code, message = _process(step)
    good = code in (0, 1) and (step.output is None or step.output.is_file())
    if not good and not message:
        message = f"ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
    return _entry_of(step.repository.url, step.name, step.base, step.digest, DONE if good else FAILED, began, message)


def _process(step: Step) -> tuple[int, str]:
    """The exit code (negative: the signal that ended it), and what it wrote on stderr, or stdout where that counts."""
    environment = {name: value for name, value in os.environ.items() if step.tokens or name not in ALL_VARIABLES}
    command = [sys.executable, "-m", "rewriter", *step.arguments]
    # A session of its own, so that helm and git, which it starts, end with it.
    process = subprocess.Popen(
        command,
        cwd=step.folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if step.name == REQUESTS else subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        output, errors = process.communicate(timeout=step.timeout)
    except subprocess.TimeoutExpired:
        _end(process)
        return 2, f"took more than {step.timeout} seconds"
    except BaseException:
        _end(process)
        raise
    lines = (errors or b"").decode("utf-8", "replace").splitlines()
    if step.name == REQUESTS and process.returncode == 0:
        lines = (output or b"").decode("utf-8", "replace").splitlines()[-1:]
    return process.returncode, " ".join(line.strip() for line in lines[-3:])[:_LONGEST_REASON]


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def _entry_of(
    url: str, step: str, base: str, digest: str, outcome: str, began: float, reason: str
) -> Entry:  # the fields of a line, in their order
    seconds = round(time.monotonic() - began, 3)
    return Entry(url, step, base, __version__, digest, outcome, seconds, time.time(), reason[:_LONGEST_REASON])


def facts_step(repository: FleetRepository, folder: Path, output: Path, base: str, timeout: int) -> Step:
    """The facts of a clone go to `output`."""
    arguments = ("snapshot", "--repository", ".", "-o", str(output))
    return Step(FACTS, repository, folder, arguments, output, base, __version__, timeout)


def findings_step(
    repository: FleetRepository,
    folder: Path,
    output: Path,
    base: str,
    digest: str,
    facts: Sequence[Path],
    versions: Sequence[str],
    timeout: int,
) -> Step:
    """The findings of a clone on the facts of all go to `output`, as the JSON report."""
    arguments = ("--dry-run", "--format", "json", "--output", str(output), *versions, *_given(facts), ".")
    return Step(FINDINGS, repository, folder, arguments, output, base, digest, timeout)


def requests_step(findings: Step, facts: Sequence[Path], versions: Sequence[str]) -> Step:
    """The fixes of a clone go to pull requests; what was found of it says whether there are any."""
    repository = findings.repository
    forge = ("--forge", repository.forge) if repository.forge else ()
    api = ("--api-url", repository.api_url) if repository.api_url else ()
    clear = ("--insecure",) if repository.insecure else ()
    arguments = ("pr", *forge, *api, *clear, *versions, *_given(facts))
    return Step(
        REQUESTS,
        repository,
        findings.folder,
        arguments,
        None,
        findings.base,
        findings.digest,
        findings.timeout,
        tokens=True,
    )


def _given(facts: Sequence[Path]) -> list[str]:
    return [word for path in facts for word in ("--inventory", str(path))]
