"""Snapshots written: facts as JSON in a fixed order, into a file that only its owner reads."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rewriter.inventory.snapshots.form import LISTS, SCHEMA, SnapshotError

#: What a fact has from the place where it was found.
_OF_PLACE = ("source", "cluster", "local_paths", "cited")


def snapshot_as_json(
    clusters: Iterable[Mapping[str, Any]], created: datetime, *, partial: bool = False
) -> dict[str, Any]:
    """The content of a snapshot file: clusters by name, with the moment when they were read, in UTC.

    `partial`: of a repository, and not all that the clusters hold.
    """
    return {
        "cnpfix_inventory": SCHEMA,
        **({"partial": True} if partial else {}),
        "created": created.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "clusters": [
            _in_order(entry)
            for entry in sorted(clusters, key=lambda entry: (str(entry["name"]), str(entry.get("repository", ""))))
        ],
    }


def _in_order(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Settings first, then the lists in their fixed order."""
    settings = {key: value for key, value in entry.items() if key not in LISTS}
    return {**settings, **{key: entry[key] for key in LISTS if key in entry}}


def fact_as_json(fact: Any) -> dict[str, Any]:
    """A fact without its place, and without members that have their default or are empty."""
    found = {}
    for field in fields(fact):
        value = getattr(fact, field.name)
        if (
            field.name not in _OF_PLACE
            and value not in (None, (), {})
            and (field.default is MISSING or value != field.default)
        ):
            found[field.name] = _value(value)
    return found


def _value(value: Any) -> Any:
    if is_dataclass(value):
        return fact_as_json(value)
    if isinstance(value, tuple):
        return [_value(item) for item in value]
    if isinstance(value, Mapping):
        return dict(sorted(value.items()))
    return value


def write_snapshot(path: Path, content: Mapping[str, Any]) -> None:
    """Writes a snapshot whole or not at all, with mode 0600. Raises SnapshotError."""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                stream.write(snapshot_text(content))
                stream.flush()
                os.fsync(stream.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise SnapshotError(f"{path}: cannot be written: {error.strerror or error}") from None


def snapshot_text(content: Mapping[str, Any]) -> str:
    """The file's text: one fact a line, so that a plain diff of two snapshots can be read."""
    head = {key: value for key, value in content.items() if key != "clusters"}
    lines = ["{", *(f" {_json(key)}: {_json(value)}," for key, value in head.items()), ' "clusters": [']
    clusters = content["clusters"]
    for number, entry in enumerate(clusters, start=1):
        members = list(entry.items())
        lines.append("  {")
        for position, (key, value) in enumerate(members, start=1):
            comma = "," if position < len(members) else ""
            if key in LISTS and value:
                lines.append(f"   {_json(key)}: [")
                lines += [f"    {_json(item)}," for item in value[:-1]]
                lines += [f"    {_json(value[-1])}", f"   ]{comma}"]
            else:
                lines.append(f"   {_json(key)}: {_json(value)}{comma}")
        lines.append("  }," if number < len(clusters) else "  }")
    return "\n".join([*lines, " ]", "}", ""])


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(", ", ": "))
