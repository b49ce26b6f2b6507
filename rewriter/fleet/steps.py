"""The steps of one repository, each a process of its own: what one of them does to itself hurts no other."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from rewriter import __version__
from rewriter.bot.errors import BotError
from rewriter.bot.token import ALL_VARIABLES
from rewriter.fleet.clones import update
from rewriter.fleet.ledger import DONE, EMPTY, FAILED, Entry
from rewriter.fleet.outcome import GOOD_CODES, Outcome, held
from rewriter.fleet.repositories import FleetRepository
from rewriter.fleet.starter import Job, run
from rewriter.records import dataclass

FACTS, FINDINGS, REQUESTS = "facts", "findings", "requests"
#: Held by whatever works on a repository.
LOCK = "lock"
#: A process that something killed is started once more: what killed it may be gone.
_TRIES = 2
_LONGEST_REASON = 400


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a repository: the arguments of cnpfix in its clone, and the file that they make.

    `traces` is the folder for its lock and its outcome; `digest` is that of all that the outcome rests on beside the
    commit; `tokens`: the process gets the forge's token.
    """

    name: str
    repository: FleetRepository
    folder: Path
    traces: Path
    arguments: tuple[str, ...]
    output: Path | None
    base: str
    digest: str
    timeout: int
    tokens: bool = False


def fetch(
    repository: FleetRepository, folder: Path, traces: Path, environment: Mapping[str, str], timeout: int
) -> str | Entry:
    """The commit that is laid out in the folder, or the entry that says why there is none."""
    began = time.monotonic()
    try:
        traces.mkdir(parents=True, exist_ok=True)
        with held(traces / LOCK) as lock:
            base = update(repository, folder, environment, timeout, (lock,))
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
        if code is None or code >= 0:
            break
        code, message = _process(step)
    good = code in GOOD_CODES and (step.output is None or step.output.is_file())
    if code is None:
        message = f"took more than {step.timeout} seconds"
    elif not good and not message:
        message = f"ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
    return _entry_of(step.repository.url, step.name, step.base, step.digest, DONE if good else FAILED, began, message)


def _process(step: Step) -> tuple[int | None, str]:
    """The exit code (negative: the signal that ended it; None: its time is over), and its last lines."""
    variables = {name: value for name, value in os.environ.items() if step.tokens or name not in ALL_VARIABLES}
    outcome = step.traces / f"{step.name}.json"
    job = Job(
        arguments=step.arguments,
        folder=str(step.folder),
        lock=str(step.traces / LOCK),
        outcome=str(outcome),
        key=" ".join((step.base, __version__, step.digest)),
        output=None if step.output is None else str(step.output),
        printed=step.name == REQUESTS,
        timeout=step.timeout,
        variables=variables,
    )
    step.traces.mkdir(parents=True, exist_ok=True)
    code = run(job)
    made = Outcome.read(outcome)
    return code, made.message[:_LONGEST_REASON] if made is not None and made.key == job.key else ""


def _entry_of(
    url: str, step: str, base: str, digest: str, outcome: str, began: float, reason: str
) -> Entry:  # the fields of a line, in their order
    seconds = round(time.monotonic() - began, 3)
    return Entry(url, step, base, __version__, digest, outcome, seconds, time.time(), reason[:_LONGEST_REASON])


def facts_step(repository: FleetRepository, folder: Path, traces: Path, output: Path, base: str, timeout: int) -> Step:
    """The facts of a clone go to `output`."""
    arguments = ("snapshot", "--repository", ".", "-o", str(output))
    return Step(FACTS, repository, folder, traces, arguments, output, base, __version__, timeout)


def findings_step(
    repository: FleetRepository,
    folder: Path,
    traces: Path,
    output: Path,
    base: str,
    digest: str,
    facts: Sequence[Path],
    versions: Sequence[str],
    timeout: int,
) -> Step:
    """The findings of a clone on the facts of all go to `output`, as the JSON report."""
    arguments = ("--dry-run", "--format", "json", "--output", str(output), *versions, *_given(facts), ".")
    return Step(FINDINGS, repository, folder, traces, arguments, output, base, digest, timeout)


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
        findings.traces,
        arguments,
        None,
        findings.base,
        findings.digest,
        findings.timeout,
        tokens=True,
    )


def _given(facts: Sequence[Path]) -> list[str]:
    return [word for path in facts for word in ("--inventory", str(path))]
