"""Which files to read, and reading them: paths, globs, git, symlinks, sizes."""

from rewriter.discovery.files import (
    PACKED_SUFFIXES,
    PROGRAM_NAMES,
    PROGRAM_SUFFIXES,
    TERRAFORM_SUFFIXES,
    find_files,
    is_beside_manifests,
    may_hold_manifests,
    not_checked_out,
)
from rewriter.discovery.git import (
    GitWaitsError,
    changed_files,
    empty_submodules,
    repository_remotes,
    repository_root,
)
from rewriter.discovery.globs import Globs
from rewriter.discovery.others import calls_tools, runs_commands
from rewriter.discovery.projects import PROJECT_SUFFIXES
from rewriter.discovery.reading import (
    MAX_BYTES,
    FoundFile,
    InputError,
    holds_old_object,
    holds_policy,
    read_bounded,
    read_file,
    refuse_device,
    refuse_unbounded,
    some_of,
    why_unread,
)
from rewriter.discovery.unmatched import unmatched

__all__ = [
    "MAX_BYTES",
    "PACKED_SUFFIXES",
    "PROGRAM_NAMES",
    "PROGRAM_SUFFIXES",
    "PROJECT_SUFFIXES",
    "TERRAFORM_SUFFIXES",
    "FoundFile",
    "GitWaitsError",
    "Globs",
    "InputError",
    "calls_tools",
    "changed_files",
    "empty_submodules",
    "find_files",
    "holds_old_object",
    "holds_policy",
    "is_beside_manifests",
    "may_hold_manifests",
    "not_checked_out",
    "read_bounded",
    "read_file",
    "refuse_device",
    "refuse_unbounded",
    "repository_remotes",
    "repository_root",
    "runs_commands",
    "some_of",
    "unmatched",
    "why_unread",
]
