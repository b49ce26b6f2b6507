"""What the functions of the library return: values that stay the same while the insides change."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from rewriter.finding import Applicability, Severity

__all__ = [
    "Applicability",
    "CnpfixError",
    "FileChange",
    "FileError",
    "Finding",
    "FlowChange",
    "Impact",
    "PolicyImpact",
    "Result",
    "Severity",
]


class CnpfixError(ValueError):
    """A call that cannot begin: one line that names what was expected, and what to do."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One anti-pattern at one place. Lines and columns count from 1, in the file as it was read.

    `fixed` says that the fix is in the result: written by `fix`, previewed by `check`. `opens` and `closes` are the
    flows that the fix changes, one sentence each; `not_fixed` is why a fix that exists was not made.
    """

    code: str
    id: str
    severity: Severity
    applicability: Applicability
    message: str
    why: str
    evidence: tuple[str, ...]
    advice: str
    file: str
    line: int
    column: int
    kind: str
    namespace: str
    name: str
    fixed: bool
    not_fixed: str
    opens: tuple[str, ...]
    closes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FileChange:
    """A file that the fixes change: its text before and after."""

    path: str
    before: str
    after: str

    @property
    def diff(self) -> str:
        """The change as a unified diff, which `git apply` takes."""
        lines = difflib.unified_diff(
            self.before.splitlines(keepends=True),
            self.after.splitlines(keepends=True),
            f"a/{self.path}",
            f"b/{self.path}",
        )
        return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


@dataclass(frozen=True, slots=True)
class FileError:
    """A file, or a policy in it, that could not be done, and why."""

    path: str
    message: str
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What `check` and `fix` return; `changes` has only files that change, `policies` counts those that were read.

    `not_checked` says what could not be checked, why, and what to do about it; `warnings` is about names and globs of
    the configuration that match nothing, and snapshots that are old.
    """

    findings: tuple[Finding, ...]
    changes: tuple[FileChange, ...]
    errors: tuple[FileError, ...]
    policies: int
    from_version: str
    to_version: str
    not_checked: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """What `cnpfix --check` exits 0 for: nothing to fix, no finding of severity error, every file read."""
        harm = any(finding.severity is Severity.ERROR and not finding.fixed for finding in self.findings)
        return not (self.errors or self.changes or harm)


@dataclass(frozen=True, slots=True)
class FlowChange:
    """What happens to one policy: the flows that open and close, one sentence each.

    `state` is empty for a policy that is enforced throughout, else "stops being enforced", "starts being enforced" or
    "is not enforced", with Cilium's `reason`.
    """

    opens: tuple[str, ...]
    closes: tuple[str, ...]
    state: str
    reason: str


@dataclass(frozen=True, slots=True)
class PolicyImpact:
    """One policy that the upgrade changes, or that the fixes rewrite.

    `upgrade` is what happens if nothing is done, `after_fixes` what happens where `fixes` (ids of passes) are applied.
    """

    file: str
    line: int
    kind: str
    namespace: str
    name: str
    cluster: str
    upgrade: FlowChange
    after_fixes: FlowChange
    fixes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Impact:
    """What `impact` returns: the policies that change, of `total` that were read."""

    policies: tuple[PolicyImpact, ...]
    total: int
    errors: tuple[FileError, ...]
    from_version: str
    to_version: str
