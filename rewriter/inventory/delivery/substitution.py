"""`${VAR}` in manifests, as Flux replaces it after the build (kustomize-controller, postBuild)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rewriter import patterns as re
from rewriter.cilium.digits import is_number

#: `$${VAR}` is none: Flux writes `${VAR}` for it. A default may hold others, as in `${CLAIM:=${APP}}`.
_VARIABLE = re.compile(r"(?<!\$)\$\{([A-Za-z_][A-Za-z0-9_]*)(?::([-=])((?:(?<!\$)\$\{[^{}]*\}|[^}])*?))?\}")
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


def rewritten(text: str, variables: Mapping[str, str], complete: bool, new: str) -> str | None:
    """A text with variables, changed in one part that is none of them, so that it reads `new` when they are filled in.

    None where no such change makes it read so.
    """
    pieces: list[str] = []
    end = 0
    for match in _VARIABLE.finditer(text):
        pieces += [text[end : match.start()], match[0]]
        end = match.end()
    pieces.append(text[end:])
    filled = [str(_text(piece, variables, complete)) if index % 2 else piece for index, piece in enumerate(pieces)]
    for index in range(0, len(pieces), 2):
        before, after = "".join(filled[:index]), "".join(filled[index + 1 :])
        if new.startswith(before) and new.endswith(after) and len(new) >= len(before) + len(after):
            piece = new[len(before) : len(new) - len(after)]
            if "${" not in piece and substituted(made := _with(pieces, index, piece), variables, complete) == new:
                return made
    return None


def _with(pieces: list[str], index: int, piece: str) -> str:
    return "".join([*pieces[:index], piece, *pieces[index + 1 :]])


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
        if not operator or not complete:
            return match[0]
        filled = str(_text(default, variables, complete)) if "${" in default else default
        return match[0] if "${" in filled else filled

    whole = _VARIABLE.fullmatch(text)
    end = text.rfind("}") + 1  # What nothing closes is not looked through again and again.
    replaced = _VARIABLE.sub(replacement, text[:end]) + text[end:]
    if whole and is_number(replaced):
        return int(replaced)  # The build prints it without quotes, so the API server reads a number.
    return {"true": True, "false": False}.get(replaced, replaced) if whole else replaced
