"""Which labels are part of an identity: the filter of Cilium's agent (pkg/labelsfilter).

An entry is a regular expression that must match from the start of the key; `!` before it leaves out what it matches,
and a source and a colon before that bind it to one source. Where an entry that keeps and one that leaves out both
match, the longer match counts. One entry of the agent's own `labels` option that keeps makes the whole list a
whitelist.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from typing import NamedTuple

from rewriter.cilium.labels import CLUSTER_LABEL, K8S, NAMESPACE_LABEL
from rewriter.cilium.version import TOPOLOGY_LABELS_FILTERED, Version
from rewriter.records import dataclass

#: What every release keeps and leaves out by default (Cilium pkg/labelsfilter defaultLabelPrefixCfg).
_DEFAULT = (
    "reserved:.*",
    re.escape(NAMESPACE_LABEL),
    r"io\.cilium\.k8s\.namespace\.labels",
    r"app\.kubernetes\.io",
    re.escape(CLUSTER_LABEL),
    r"!io\.kubernetes",
    r"!kubernetes\.io",
    r"!statefulset\.kubernetes\.io/pod-name",
    r"!apps\.kubernetes\.io/pod-index",
    r"!batch\.kubernetes\.io/job-completion-index",
    r"!batch\.kubernetes\.io/controller-uid",
    r"!.*beta\.kubernetes\.io",
    r"!k8s\.io",
    "!pod-template-generation",
    "!pod-template-hash",
    "!controller-revision-hash",
    "!controller-uid",
    "!annotation.*",
    "!etcd_node",
)


class _Entry(NamedTuple):
    source: str
    pattern: str
    leaves_out: bool

    def length(self, source: str, key: str) -> int:
        """How much of the key it matches from its start; -1 where it does not."""
        if self.source not in ("", source):
            return -1
        found = _compiled(self.pattern).search(key)
        return found.end() if found and found.start() == 0 else -1


@dataclass(frozen=True, slots=True)
class LabelFilter:
    """The entries of a filter, in order; a `whitelist` keeps only what an entry keeps."""

    entries: tuple[_Entry, ...]
    whitelist: bool = False

    def keeps(self, key: str, source: str = K8S) -> bool:
        """Whether a label with this key, written without its source, is part of an identity."""
        return _kept(self, key, source)


@cache
def label_filter(version: Version, labels: Sequence[str] = ()) -> LabelFilter:
    """The filter of pod labels of a release, with the entries of the agent's `labels` option (a tuple).

    An entry that is no regular expression is left out: with it the agent does not start.
    """
    topology = (r"!topology\.kubernetes\.io",) if version >= TOPOLOGY_LABELS_FILTERED else ()
    own = _entries(labels)
    return LabelFilter((*_entries((*_DEFAULT, *topology)), *own), any(not entry.leaves_out for entry in own))


@cache
def node_label_filter(labels: Sequence[str] = ()) -> LabelFilter:
    """The filter of node labels: the entries of the agent's `node-labels` option (a tuple), and no default."""
    own = _entries(labels)
    return LabelFilter(own, any(not entry.leaves_out for entry in own))


def _entries(written: Iterable[str]) -> tuple[_Entry, ...]:
    found = []
    for text in written:
        source, colon, pattern = text.partition(":")
        source, pattern = (source, pattern) if colon else ("", source)
        entry = _Entry(source, pattern.removeprefix("!"), pattern.startswith("!"))
        try:
            re.compile(entry.pattern)
        except re.error:
            continue
        if entry.pattern:
            found.append(entry)
    return tuple(found)


@lru_cache(maxsize=4096)
def _kept(labels: LabelFilter, key: str, source: str) -> bool:
    kept = left_out = 0
    for entry in labels.entries:
        length = entry.length(source, key)
        if length < 0:
            continue
        if not entry.leaves_out:
            kept = max(kept, length)
        elif not left_out or length < left_out:
            left_out = length
    return (not labels.whitelist and not left_out) or kept > left_out


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
