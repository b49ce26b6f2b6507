"""`${VAR}` in manifests, as Flux replaces it after the build (kustomize-controller, postBuild)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::([-=])([^}]*))?\}")
_DISABLED = "kustomize.toolkit.fluxcd.io/substitute"


def substituted(value: Any, variables: Mapping[str, str], complete: bool) -> Any:
    """A value with every known variable replaced in its texts; unknown ones stay as written.

    `complete` says that no source of variables is unread: only then does a default (`${VAR:=x}`) hold.
    """
    if isinstance(value, str):
        return _text(value, variables, complete) if "${" in value else value
    if isinstance(value, dict):
        return {substituted(k, variables, complete): substituted(v, variables, complete) for k, v in value.items()}
    if isinstance(value, list):
        return [substituted(item, variables, complete) for item in value]
    return value


def is_disabled(metadata: Mapping[str, Any]) -> bool:
    """Whether a manifest asks to be left out."""
    for field in ("labels", "annotations"):
        marks = metadata.get(field)
        if isinstance(marks, dict) and marks.get(_DISABLED) == "disabled":
            return True
    return False


def _text(text: str, variables: Mapping[str, str], complete: bool) -> Any:
    def replacement(match: re.Match[str]) -> str:
        name, operator, default = match[1], match[2], match[3]
        if name in variables:
            return variables[name]
        return default if operator and complete else match[0]

    whole = _VARIABLE.fullmatch(text)
    end = text.rfind("}") + 1  # What nothing closes is not looked through again and again.
    replaced = _VARIABLE.sub(replacement, text[:end]) + text[end:]
    if whole and replaced.isdigit():
        return int(replaced)  # The build prints it without quotes, so the API server reads a number.
    return {"true": True, "false": False}.get(replaced, replaced) if whole else replaced
