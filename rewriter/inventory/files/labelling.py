"""Commands, programs and files of Terraform that give labels to namespaces."""

from __future__ import annotations

from rewriter import patterns as re
from rewriter.inventory.texts.client_calls import NAMESPACES

#: `kubectl label namespace …`; what follows are names, labels and options.
COMMAND = re.compile(
    rb"\b(?:kubectl|oc|k)\b[^\n;|&]*?\blabel\b[^\n;|&]*?\b(?:ns|namespaces?)\b[ \t/]+(?P<rest>[^\n;|&]+)"
)
#: Resources of Terraform, functions of programs and modules of Ansible that make or label namespaces.
MADE = re.compile(
    NAMESPACES.encode() + rb"""|\bkubernetes_(?:namespace|labels)(?:_v1)?\b"""
    rb"""|\bkind["']?[ \t]*[:=][ \t]*["']?Namespace\b"""
)


def labels_namespaces(data: bytes) -> bool:
    """Whether a script, a program or a file of Terraform may give labels to namespaces."""
    return b"abel" in data and (COMMAND.search(data) or MADE.search(data)) is not None
