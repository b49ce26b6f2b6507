"""cnpfix as a library: what the command line does, as three functions.

`check` finds policies that do not do what they say, `fix` rewrites them, `impact` says which flows an upgrade changes.
Each reads the manifests below the paths that it is given, with the nearest `cnpfix.toml`, as `cnpfix PATH` does, and
raises CnpfixError where the command line would end in a usage error. What goes wrong with one file is among the
`errors` of the result, and the other files are done.
"""

from cnpfix.api import check, fix, impact
from cnpfix.types import (
    Applicability,
    CnpfixError,
    FileChange,
    FileError,
    Finding,
    FlowChange,
    Impact,
    PolicyImpact,
    Result,
    Severity,
)
from rewriter import __version__

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
    "__version__",
    "check",
    "fix",
    "impact",
]
