"""A run over a fleet: facts of every repository, one inventory of them, findings and requests of each."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rewriter import __version__
from rewriter.bot.remote import parse_remote
from rewriter.fleet.executors import Executor
from rewriter.fleet.ledger import DONE, HELD, Entry, Ledger, newest
from rewriter.fleet.repositories import FleetRepository, Shard
from rewriter.fleet.settings import FleetError, FleetSettings
from rewriter.fleet.steps import (
    FACTS,
    REQUESTS,
    Step,
    carry_out,
    facts_step,
    fetch,
    findings_step,
    requests_step,
)
from rewriter.inventory.snapshots.form import SnapshotError
from rewriter.inventory.snapshots.write import write_snapshot
from rewriter.inventory.tree.repository_snapshot import merged
from rewriter.records import dataclass

_HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Places:
    """The folder of a fleet's work."""

    work: Path
    shard: Shard | None = None

    @property
    def ledger(self) -> Ledger:
        name = "ledger.jsonl" if self.shard is None else f"ledger-{self.shard[0] + 1}-of-{self.shard[1]}.jsonl"
        return Ledger(self.work / name)

    @property
    def merged(self) -> Path:
        return self.work / "facts.json"

    def clone(self, repository: FleetRepository) -> Path:
        return self.work / "clones" / repository.slug

    def facts(self, repository: FleetRepository) -> Path:
        return self.work / "facts" / f"{repository.slug}.json"

    def findings(self, repository: FleetRepository) -> Path:
        return self.work / "findings" / f"{repository.slug}.json"

    def traces(self, repository: FleetRepository) -> Path:
        """The folder for a repository's lock, and for what its steps left behind."""
        return self.work / "traces" / repository.slug

    def make(self) -> None:
        """Makes the folders. Raises FleetError."""
        try:
            for name in ("clones", "facts", "findings"):
                (self.work / name).mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise FleetError(f"{self.work}: cannot be made: {error.strerror or error}") from None


@dataclass(frozen=True, slots=True)
class FleetRun:
    """A run: what is done where. `progress` hears of every step that ended, and of those that need not be done."""

    settings: FleetSettings
    places: Places
    executor: Executor
    progress: Callable[[Entry], None] = lambda _entry: None

    def facts(self, repositories: Sequence[FleetRepository]) -> None:
        """Clones or updates the repositories, and reads the facts of those that changed."""
        known = newest(self.places.ledger.entries())
        for entry in self.executor.each(_Facts(self.places, self.settings.timeout, known), repositories):
            self._note(entry, known)

    def merge(self, repositories: Sequence[FleetRepository]) -> str:
        """Puts the facts of all into one file; returns the digest of what is in it. Raises FleetError."""
        files = [self.places.facts(repository) for repository in repositories]
        contents = [content for file in files if file.is_file() and (content := _content(file)) is not None]
        created = max((str(content.get("created", "")) for content in contents), default="")
        whole = merged(contents, _time(created))
        parts = [json.dumps(whole["clusters"], sort_keys=True), *map(_bytes_of, self.settings.inventories)]
        versions = [str(self.settings.from_version), str(self.settings.to_version), __version__]
        try:
            write_snapshot(self.places.merged, whole)
        except SnapshotError as error:
            raise FleetError(str(error)) from None
        return hashlib.sha256("\0".join([*parts, *versions]).encode()).hexdigest()

    def findings(self, repositories: Sequence[FleetRepository], digest: str) -> list[Step]:
        """Finds on the facts of all, in the repositories for which these, or the commit, changed; the steps of all."""
        known = newest(self.places.ledger.entries())
        steps = [
            findings_step(
                repository,
                self.places.clone(repository),
                self.places.traces(repository),
                self.places.findings(repository),
                entry.base,
                digest,
                self._given(),
                self._versions(),
                self.settings.timeout,
            )
            for repository in repositories
            if (entry := known.get((repository.url, FACTS))) is not None and entry.outcome == DONE
        ]
        stale = [step for step in steps if not _holds(step, known)]
        for entry in self.executor.each(carry_out, stale):
            self._note(entry, known)
        return steps

    def requests(self, steps: Sequence[Step], now: float) -> None:
        """Opens and updates requests, no more than the settings allow in an hour; the rest is held for a later run.

        Shards have equal parts of what is allowed: they do not see each other's ledgers.
        """
        entries = self.places.ledger.entries()
        known = newest(entries)
        made = Counter(
            _forge_of(entry.repository)
            for entry in entries
            if entry.step == REQUESTS and entry.outcome == DONE and entry.at > now - _HOUR
        )
        shards = self.places.shard[1] if self.places.shard else 1
        allowed = max(1, self.settings.limit_per_hour // shards)
        wanted = []
        for step in steps:
            if not _has_fixes(step) or _holds(replace(step, name=REQUESTS), known):
                continue
            forge = _forge_of(step.repository.url)
            made[forge] += 1
            if made[forge] <= allowed:
                wanted.append(requests_step(step, self._given(), self._versions()))
            else:
                reason = f"the limit of {allowed} an hour on {forge} is reached; run again later"
                self._note(
                    Entry(step.repository.url, REQUESTS, step.base, __version__, "", HELD, 0, now, reason), known
                )
        for entry in self.executor.each(carry_out, wanted):
            self._note(entry, known)

    def _note(self, entry: Entry, known: dict[tuple[str, str], Entry]) -> None:
        if entry is not known.get((entry.repository, entry.step)):
            self.places.ledger.add(entry)
        self.progress(entry)

    def _given(self) -> tuple[Path, ...]:
        return tuple(path.absolute() for path in (self.places.merged, *self.settings.inventories))

    def _versions(self) -> tuple[str, ...]:
        given = (("--from", self.settings.from_version), ("--to", self.settings.to_version))
        return tuple(word for name, value in given if value for word in (name, value))


@dataclass(frozen=True, slots=True)
class _Facts:
    """The facts of one repository: fetched, and read where the commit is another one than the ledger knows."""

    places: Places
    timeout: int
    known: dict[tuple[str, str], Entry]

    def __call__(self, repository: FleetRepository) -> Entry:
        folder, output = self.places.clone(repository), self.places.facts(repository)
        traces = self.places.traces(repository)
        base = fetch(repository, folder, traces, os.environ, self.timeout)
        if isinstance(base, Entry):
            output.unlink(missing_ok=True)  # Facts of a repository that is not to be had may be of long ago.
            return base
        step = facts_step(repository, folder.absolute(), traces, output.absolute(), base, self.timeout)
        return self.known[repository.url, FACTS] if _holds(step, self.known) else carry_out(step)


def _holds(step: Step, known: dict[tuple[str, str], Entry]) -> bool:
    """Whether the ledger has the outcome of a step, and what it made is there."""
    entry = known.get((step.repository.url, step.name))
    there = step.output is None or step.name == REQUESTS or step.output.is_file()
    return (
        there
        and entry is not None
        and (entry.outcome, entry.base, entry.digest, entry.version)
        == (
            DONE,
            step.base,
            step.digest,
            __version__,
        )
    )


def _forge_of(url: str) -> str:
    return parse_remote(url).host


def _has_fixes(step: Step) -> bool:
    content = _content(step.output) if step.output is not None and step.output.is_file() else None
    return content is not None and int(content.get("summary", {}).get("fixed", 0)) > 0


def _content(file: Path) -> dict[str, Any] | None:
    try:
        data = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return None
    return data if isinstance(data, dict) else None


def _bytes_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _time(created: str) -> datetime:
    try:
        return datetime.fromisoformat(created)
    except ValueError:
        return datetime.fromtimestamp(0, UTC)


@contextmanager
def only_run(places: Places) -> Iterator[None]:
    """Holds the fleet's folder, or the shard's part of it, for one run. Raises FleetError where another has it."""
    import fcntl

    places.make()
    name = places.ledger.file.with_suffix(".lock")
    with open(name, "w", encoding="utf-8") as lock:  # noqa: PTH123 - held while it is open
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise FleetError(f"{places.work}: another run works there; wait until it ends") from None
        yield
