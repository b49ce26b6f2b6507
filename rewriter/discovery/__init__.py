"""Which files to read, and reading them: paths, globs, git, symlinks, sizes."""

from rewriter.discovery.files import TERRAFORM_SUFFIXES, find_files
from rewriter.discovery.git import changed_files, repository_remotes, repository_root
from rewriter.discovery.globs import Globs
from rewriter.discovery.reading import MAX_BYTES, FoundFile, InputError, holds_policy, read_file

__all__ = [
    "MAX_BYTES",
    "TERRAFORM_SUFFIXES",
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
