"""Names for findings that survive shifted lines: made from what is found, not from where."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable

from rewriter.engine.results.result import Reported


def fingerprints(findings: Iterable[Reported]) -> list[str]:
    """A fingerprint for each finding, in order, unique among them: 32 hex digits.

    It depends on the file, the policy, the pass and the message; equal ones are numbered in order.
    """
    seen: Counter[str] = Counter()
    result = []
    for item in findings:
        location = item.location
        parts = (item.finding.id, location.file, location.kind, location.namespace, location.name, item.finding.message)
        text = "\0".join(parts)
        digest = hashlib.sha256(f"{text}\0{seen[text]}".encode("utf-8", "surrogateescape")).hexdigest()
        seen[text] += 1
        result.append(digest[:32])
    return result
