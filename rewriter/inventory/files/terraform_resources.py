"""The resources of Terraform that are Helm releases in plain literals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rewriter import patterns as re
from rewriter.inventory.texts.hcl import HclError, read_block

HELM_RELEASE = re.compile(r'^resource\s+"helm_release"\s+"([^"]+)"\s*\{', re.MULTILINE)
#: A chart that Terraform renders, to give the manifests to the machines or to a repository.
HELM_TEMPLATE = re.compile(r'^data\s+"helm_template"\s+"([^"]+)"\s*\{', re.MULTILINE)
_REPEATED = ("count", "for_each")


def read_resources(text: str) -> frozenset[int]:
    """The places in a text of the resources that are read as releases."""
    return frozenset(match.start() for match in HELM_RELEASE.finditer(text) if release_body(text, match) is not None)


def release_body(text: str, match: re.Match[str]) -> Mapping[str, Any] | None:
    """The body of a release whose name, chart and namespace are literals, and that is there once; None for others."""
    try:
        body = read_block(text, match.end())
    except HclError:
        return None
    named = isinstance(body.get("name"), str) and isinstance(body.get("chart"), str)
    place = body.get("namespace", "default")
    return body if named and isinstance(place, str) and not any(key in body for key in _REPEATED) else None
