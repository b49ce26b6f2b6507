"""Findings that are known and accepted for now: a file that hides them, wherever they move to in their policy.

```json
{"cnpfix_baseline": 1,
 "findings": [{"id": "cluster-entity", "file": "a/api.yaml", "kind": "CiliumNetworkPolicy", "namespace": "shop",
               "name": "api", "message": "`fromEntities: cluster` allows no pods of cluster-b", "count": 1}]}
```
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rewriter.discovery import MAX_BYTES, read_bounded, why_unread
from rewriter.engine.results.result import Location, Reported
from rewriter.finding import Finding
from rewriter.records import dataclass

SCHEMA = 1


class BaselineError(ValueError):
    """A baseline that cannot be read: one line with the file and what to do."""


class Known(NamedTuple):
    """What makes a finding the same one again; lines are no part of it. `file` is relative to the baseline's folder."""

    id: str
    file: str
    kind: str
    namespace: str
    name: str
    message: str


@dataclass(frozen=True, slots=True)
class Baseline:
    """How many findings of each kind are known. `folder` is that of the file."""

    folder: Path
    counts: Mapping[Known, int]

    def known(self, found: Sequence[tuple[Finding, Location]]) -> list[tuple[Known, int] | None]:
        """For each finding of one pass in one document, which known one it is; None for a new one.

        Of equal findings, more than are known are new.
        """
        if not self.counts:
            return [None] * len(found)
        seen: Counter[Known] = Counter()
        answers: list[tuple[Known, int] | None] = []
        for finding, location in found:
            key = known_key(finding, location, self.folder)
            seen[key] += 1
            answers.append((key, seen[key]) if seen[key] <= self.counts.get(key, 0) else None)
        return answers


NOTHING_KNOWN = Baseline(Path(), {})


def read_baseline(path: Path) -> Baseline:
    """The baseline of a file. Raises BaselineError."""
    try:
        data = json.loads(read_bounded(path, MAX_BYTES))
    except FileNotFoundError:
        raise BaselineError(f"{path}: no such baseline; write one with --write-baseline") from None
    except OSError as error:
        raise BaselineError(f"{path}: {why_unread(path, error)}") from None
    except (ValueError, RecursionError) as error:
        raise BaselineError(f"{path}: is not JSON: {error}") from None
    if not isinstance(data, dict) or data.get("cnpfix_baseline") != SCHEMA:
        raise BaselineError(f'{path}: expected a baseline with "cnpfix_baseline": {SCHEMA}')
    entries = data.get("findings")
    if not isinstance(entries, list):
        raise BaselineError(f"{path}: findings: expected a list")
    counts = dict(_entry(path, index, entry) for index, entry in enumerate(entries))
    return Baseline(path.absolute().parent, counts)


def baseline_text(reported: Iterable[Reported], path: Path) -> str:
    """The baseline file at a path that makes these findings known: JSON, sorted, one finding a line."""
    counts = Counter(known_key(item.finding, item.location, path.absolute().parent) for item in reported)
    entries = [
        json.dumps({**key._asdict(), "count": count}, ensure_ascii=False) for key, count in sorted(counts.items())
    ]
    findings = "".join(f"\n  {entry}," for entry in entries).rstrip(",")
    return f'{{"cnpfix_baseline": {SCHEMA},\n "findings": [{findings}]}}\n'


def known_key(finding: Finding, location: Location, folder: Path) -> Known:
    file = os.path.relpath(location.file, folder).replace(os.sep, "/")
    return Known(finding.id, file, location.kind, location.namespace, location.name, finding.message)


def _entry(path: Path, index: int, entry: Any) -> tuple[Known, int]:
    given = [entry.get(name) for name in Known._fields] if isinstance(entry, dict) else []
    values = [value for value in given if isinstance(value, str)]
    count = entry.get("count", 1) if isinstance(entry, dict) else None
    if len(values) < len(Known._fields) or not isinstance(count, int) or count < 1:
        raise BaselineError(f"{path}: findings[{index}]: expected {', '.join(Known._fields)} and a count")
    return Known(*values), count
