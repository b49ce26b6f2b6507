"""Files that a kustomization lists, that are not there, and that make no pods by their names: Secrets.

Repositories leave Secrets out of Git and list their files all the same. Nothing else about a file that is not there is
taken from its name.
"""

from __future__ import annotations

from rewriter import patterns as re

_YAML = re.compile(r"\.(?:ya?ml|json)$")
#: The end of a file's name that names a kind of Secret, before what tools of encryption add; or its beginning.
_SECRET = re.compile(
    r"(?:^|[-_.])(?:[a-z]*secrets?|(?:cluster)?-?secret-?stores?|secrets?-external)(?:[-_.](?:enc|encrypted|sops))*$"
    r"|^(?:external|sealed)-?secret-"
)
#: The operators that are called so, and what else brings more than Secrets: it makes pods.
_MAKES_MORE = re.compile(r"(?:external|sealed)-secrets$|install|operator|release|controller|deploy|webhook|app")


def is_secret(entry: str) -> bool:
    """Whether an entry of a kustomization that is not there is a file of Secrets, by its name."""
    name = entry.rpartition("/")[2].lower()
    if not _YAML.search(name):
        return False
    stem = _YAML.sub("", name)
    return _SECRET.search(stem) is not None and _MAKES_MORE.search(stem) is None
