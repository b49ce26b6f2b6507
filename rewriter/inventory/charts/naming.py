"""Values, names and templated texts of charts that are read without rendering."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rewriter import patterns as re
from rewriter.inventory.releases.model import Release
from rewriter.inventory.texts.manifests import mapping

_SIMPLE = re.compile(r"\{\{-?\s*\.(Release\.Name|Release\.Namespace)\s*(?:\|\s*quote\s*)?-?\}\}")


class NotKnownError(Exception):
    """A text of the values that only rendering fills in."""


def rendered(text: str, release: Release) -> str:
    """A text with the release's name and namespace filled in. Raises NotKnownError for any other template."""
    release_values = {"Release.Name": release.name, "Release.Namespace": release.namespace or ""}
    found = _SIMPLE.sub(lambda match: release_values[match[1]], text)
    if "{{" in found:
        raise NotKnownError(f"the template {text!r}")
    return found


def resource_name(
    full: str, identifier: str, values: Mapping[str, Any], count: int, major: int | None, release: Release
) -> str:
    """The name of one of `count` objects of a kind, in the common library of a major version.

    Before version 3 what is called `main` (or marked primary) has the plain name, whatever stands beside it.
    """
    forced = values.get("forceRename")
    if isinstance(forced, str) and forced:
        return rendered(forced, release)
    override = values.get("nameOverride")
    if isinstance(override, str) and override:
        return f"{full}-{rendered(override, release)}"
    name = full
    prefix, suffix = values.get("prefix"), values.get("suffix")
    if isinstance(prefix, str) and prefix:
        name = f"{rendered(prefix, release)}-{name}"
    plain = identifier == "main" or values.get("primary") is True if major is not None and major < 3 else count == 1
    if not plain and not name.endswith(f"-{identifier}"):
        name = f"{name}-{identifier}"
    if isinstance(suffix, str) and suffix:
        name = f"{name}-{rendered(suffix, release)}"
    return name.lower()


def value_at(values: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path, in which a number is a place in a list; None where there is none."""
    value: Any = values
    for part in path.split("."):
        listed = isinstance(value, list) and part.isdigit() and int(part) < len(value)
        value = value[int(part)] if listed else mapping(value).get(part)
    return value
