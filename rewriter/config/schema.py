"""The JSON schema of `cnpfix.toml`, for editors, made from the table of its keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rewriter.config.load import PASS_OPTIONS
from rewriter.config.reference import KEYS, Key

_DRAFT = "http://json-schema.org/draft-07/schema#"
_TEXTS = {"type": "array", "items": {"type": "string"}}
_NAMESPACE = {"type": "string", "pattern": "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"}
_KINDS: Mapping[str, dict[str, Any]] = {
    "version": {"type": ["string", "number"]},
    "number": {"type": "integer", "minimum": 1},
    "text": {"type": "string", "minLength": 1},
    "namespace": _NAMESPACE,
    "true or false": {"type": "boolean"},
    "text or list of texts": {"anyOf": [{"type": "string"}, _TEXTS]},
}
_REQUIRED = {"[[clusters]]": ["name"], "[[per-path]]": ["paths"]}


def config_schema(pass_ids: Mapping[str, str]) -> dict[str, Any]:
    """The schema (draft 7). `pass_ids` maps every id and code of a pass to the id."""
    tables: dict[str, dict[str, Any]] = {}
    for key in KEYS:
        tables.setdefault(key.table, {})[key.name] = _value(key, pass_ids)
    top = tables.pop("")
    for table, keys in tables.items():
        name = table.strip("[]")
        if name.startswith("passes."):
            continue
        made = _object(keys, _REQUIRED.get(table))
        top[name] = {"type": "array", "items": made} if table.startswith("[[") else made
    shared = tables["[passes.<id>]"]
    passes = {name: _pass(found, tables.get(f"[passes.{found}]", {}), shared) for name, found in pass_ids.items()}
    top["passes"] = _object(passes)
    return {"$schema": _DRAFT, "title": "cnpfix", "description": "Configuration of cnpfix", **_object(top)}


def _pass(pass_id: str, own: Mapping[str, Any], shared: Mapping[str, Any]) -> dict[str, Any]:
    if pass_id in PASS_OPTIONS and PASS_OPTIONS[pass_id] is None:  # Its own keys are labels.
        labels = {**_NAMESPACE, "description": own['"key=value"']["description"]}
        return {
            "type": "object",
            "properties": dict(shared),
            "patternProperties": {"=": labels},
            "additionalProperties": False,
        }
    return _object({**shared, **own})


def _object(properties: Mapping[str, Any], required: list[str] | None = None) -> dict[str, Any]:
    made: dict[str, Any] = {"type": "object", "properties": dict(properties), "additionalProperties": False}
    return made | ({"required": required} if required else {})


def _value(key: Key, pass_ids: Mapping[str, str]) -> dict[str, Any]:
    return {"description": key.meaning, **_typed(key.kind, pass_ids)}


def _typed(kind: str, pass_ids: Mapping[str, str]) -> dict[str, Any]:
    if kind in _KINDS:
        return _KINDS[kind]
    if kind == "list of passes":
        return {"type": "array", "items": {"enum": sorted(pass_ids)}}
    if kind == "list of namespaces":
        return {"type": "array", "items": _NAMESPACE}
    if kind.startswith("list of "):
        return _TEXTS
    choices = [part.strip('" ') for part in kind.replace(" or ", ", ").split(", ")]
    words = {"enum": [choice for choice in choices if not choice.startswith("list of ")]}
    return {"anyOf": [words, _TEXTS]} if len(words["enum"]) < len(choices) else words
