"""Which files to read, and reading them: paths, globs, git, symlinks, sizes."""

from rewriter.discovery.files import (
    MAX_BYTES,
    FoundFile,
    InputError,
    changed_files,
    find_files,
    holds_policy,
    read_file,
    repository_remotes,
    repository_root,
)
from rewriter.discovery.globs import Globs

__all__ = [
    "MAX_BYTES",
    "FoundFile",
    "Globs",
    "InputError",
    "changed_files",
    "find_files",
    "holds_policy",
    "read_file",
    "repository_remotes",
    "repository_root",
]
