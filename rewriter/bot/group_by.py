"""What fixes are grouped by: each group is one pull request."""

from __future__ import annotations

from enum import StrEnum


class GroupBy(StrEnum):
    NONE = "none"
    NAMESPACE = "namespace"
    DIRECTORY = "directory"
    CODEOWNERS = "codeowners"
    PASS = "pass"
