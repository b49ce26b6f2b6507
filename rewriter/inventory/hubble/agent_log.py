"""Agent logs: the policies that Cilium's agents refused, and why.

Forms read: logrus and slog text (`level=warning msg="Unable to add CiliumNetworkPolicy" ciliumNetworkPolicyName=web
error="…" k8sNamespace=shop`), the same as JSON, each with whatever a log collector puts before it. Sources: Cilium
pkg/policy/k8s, onUpsert, and pkg/logging/logfields.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, cast

from rewriter import patterns as re
from rewriter.discovery import refuse_device, why_unread
from rewriter.inventory.facts.model import RunningPolicy, Source
from rewriter.records import dataclass

LONGEST_LINE = 1 << 20
_MARKS = (b"Unable to add CiliumNetworkPolicy", b"NetworkPolicy spec", b"Imported CiliumNetworkPolicy")
_ACCEPTED = "Imported CiliumNetworkPolicy"
_REFUSED = re.compile(r"Unable to add CiliumNetworkPolicy|Invalid Cilium(?:Clusterwide)?NetworkPolicy specs?")
PAIR = re.compile(r'(?<![\w.])([A-Za-z][\w.]*)=(?:"((?:[^"\\]|\\.)*)"|([^\s"]*))')
#: From the error of a policy that the agent could not parse, where the line has no fields (1.18 and later).
_PARSE_ERROR = re.compile(r"failed to parse CiliumNetworkPolicy ([\w.-]*)/([\w.-]+): (.*)", re.DOTALL)


class AgentLogError(ValueError):
    """A log that cannot be read: one line with the file and what was expected."""


@dataclass(frozen=True, slots=True)
class DeadPolicy:
    """A policy that is not enforced. `namespace` is "" for a clusterwide one, `cluster` None where unknown.

    `reason` is the agent's or the operator's own; `source` is the line of the log.
    """

    namespace: str
    name: str
    reason: str
    source: Source
    cluster: str | None = None

    @property
    def evidence(self) -> str:
        return f"not enforced: {self.reason}, {self.source}"


def read_agent_logs(paths: Sequence[Path]) -> list[DeadPolicy]:
    """The policies that agents refused and did not accept later, with the place of the last refusal.

    Logs are read in the given order. Raises AgentLogError.
    """
    found: dict[tuple[str, str], DeadPolicy] = {}
    for path in paths:
        try:
            refuse_device(path)
            with path.open("rb") as raw:
                compressed = raw.peek(2)[:2] == b"\x1f\x8b"
                stream = cast(BinaryIO, gzip.GzipFile(fileobj=raw)) if compressed else raw
                for number, line in enumerate(_lines(stream), start=1):
                    if any(mark in line for mark in _MARKS):
                        _note(found, line.decode("utf-8", "replace"), Source(str(path), number))
        except (EOFError, zlib.error, gzip.BadGzipFile):
            continue  # Cut short: what came before counts.
        except OSError as error:
            raise AgentLogError(f"--agent-log {path}: {why_unread(path, error)}") from None
    return list(found.values())


def dead_in_snapshots(policies: Iterable[RunningPolicy]) -> Iterator[DeadPolicy]:
    """The policies of snapshots whose status says that they are not valid."""
    for policy in policies:
        metadata = policy.manifest.get("metadata") if policy.rejected else None
        if isinstance(metadata, Mapping):
            namespace, name = (str(metadata.get(key) or "") for key in ("namespace", "name"))
            yield DeadPolicy(namespace, name, policy.rejected, policy.source, policy.cluster)


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    while line := stream.readline(LONGEST_LINE):
        yield line


def _note(found: dict[tuple[str, str], DeadPolicy], text: str, source: Source) -> None:
    """Takes a line in: a policy refused, or one that was refused before and is accepted now."""
    fields = _fields(text)
    message, error = fields.get("msg", fields.get("message", "")), fields.get("error", "")
    name, namespace = fields.get("ciliumNetworkPolicyName", ""), fields.get("k8sNamespace", "")
    if message == _ACCEPTED:
        found.pop((namespace, name), None)
        return
    if not _REFUSED.search(f"{message} {error}"):
        return
    parsed = _PARSE_ERROR.search(error)
    if not name and parsed:
        namespace, name = parsed[1], parsed[2]
    if name:
        reason = (parsed[3] if parsed else error) or message
        found[namespace, name] = DeadPolicy(namespace, name, " ".join(reason.split()), source)


def _fields(text: str) -> dict[str, str]:
    """The fields of a line, JSON or `key=value`."""
    start = text.find("{")
    if (start >= 0 and '"msg"' in text) or '"message"' in text:
        try:
            value = json.loads(text[start:])
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, dict):
            return {key: str(item) for key, item in value.items() if isinstance(item, str | int)}
    return {
        match[1]: match[3] if match[2] is None else match[2].replace('\\"', '"').replace("\\\\", "\\")
        for match in PAIR.finditer(text)
    }
