"""Installations of Cilium by a command or a task: `cilium install`, `helm upgrade` of its chart, Ansible's helm module.

Only what stands there in plain words counts. An option that a variable or a template fills in is left out.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, replace
from itertools import pairwise
from typing import Any

from rewriter import patterns as re
from rewriter import yamltext
from rewriter.inventory.facts.model import Source
from rewriter.inventory.files.conditions import Conditions, under_condition
from rewriter.inventory.texts.line_numbers import LineNumbers
from rewriter.inventory.texts.manifests import items, mapping
from rewriter.records import dataclass

_COMMAND = re.compile(
    r"(?<![\w./~-])(?:[\w.~/-]*/)?(?P<tool>helm|cilium)"
    r"(?P<before>(?:[ \t]+-[\w-]++(?:=\S++|[ \t]+(?!-)[^\s|;&]++)?){0,20}?)"
    r"[ \t]+(?:install|upgrade)(?![\w.-])(?P<rest>(?:\\\r?\n|[^\n|;&])*(?:\n[ \t]+--[^\n|;&]*)*)"
)
_COMMENT = re.compile(r"(?:(?<![^\n])|[ \t])(?:#|//|@?echo\b|@?printf\b|(?i:usage|example):)")
_UNKNOWN = re.compile(r"\$|\{\{|`|<")
_VERSION = re.compile(r"v?\d+\.\d+(?:\.\d+)?[\w.+-]*")
_SETS = ("--set", "--set-string", "--helm-set", "--helm-set-string")
#: Options that set a value in a way that is not read here, and those that keep what an earlier command set.
_OTHER_SETS = ("--set-file", "--set-json", "--set-literal")
_KEEPING = ("--reuse-values", "--reset-then-reuse-values")
_FILES = ("-f", "--values", "--helm-values")
_CHARTS = ("cilium/cilium", "oci://quay.io/cilium/charts/cilium")
_REPOSITORY = "helm.cilium.io"
_MODULES = ("kubernetes.core.helm", "community.kubernetes.helm", "helm")


@dataclass(frozen=True, slots=True)
class CiliumCommand:
    """One such installation: the values that it sets, each as a path and its text, and in `given` as a mapping.

    `files` are the values files that it names, as written. `unknown` are the paths that it sets to what is not known,
    `open_ended` says that it may set others too, `conditional` that it runs only where something holds.
    """

    source: Source
    version: str | None = None
    sets: tuple[tuple[str, str], ...] = ()
    files: tuple[str, ...] = ()
    given: Mapping[str, Any] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    open_ended: bool = False
    conditional: bool = False


#: Of a text with more commands than this, it is not looked whether the rest always run.
_MOST = 32
#: Of what stands before a command on its line, this much is looked at for what makes it a remark.
_MOST_BEFORE = 500


def cilium_commands(path: str, data: bytes) -> Iterator[CiliumCommand]:
    """The installations of Cilium by the commands of a text, and by the tasks of a file of Ansible's."""
    if b"cilium" not in data:
        return
    text = data.decode("utf-8", "replace")
    lines, conditions = LineNumbers(text), Conditions(path, text)
    for number, match in enumerate(_COMMAND.finditer(text)):
        start = max(text.rfind("\n", 0, match.start()) + 1, match.start() - _MOST_BEFORE)
        if _COMMENT.search(text, start, match.start()) is None:
            source = Source(path, lines.at(match.start()))
            rest = match["before"] + match["rest"]
            conditional = number >= _MOST or conditions.decide(match.start())
            for command in _of_words(match["tool"], _words(rest), source):
                yield replace(command, conditional=conditional, open_ended=command.open_ended or _is_cut(rest))
    if b"chart_ref" in data and path.endswith((".yml", ".yaml")):
        yield from _of_tasks(path, data)


def _words(text: str) -> list[str]:
    joined = re.sub(r"\\\r?\n", " ", text)
    try:
        return shlex.split(joined, comments=True)
    except ValueError:
        return joined.split()


def _is_cut(text: str) -> bool:
    """Whether the text of a command ends within quotes or a substitution, which then hold a `|`, `;` or `&`."""
    try:
        shlex.split(text.replace("\\\n", " "), comments=True)
    except ValueError:
        return True
    return text.count("$(") > text.count(")") or text.count("`") % 2 == 1


def _of_words(tool: str, words: Sequence[str], source: Source) -> Iterator[CiliumCommand]:
    options = list(_options(words))
    repository = any(name == "--repo" and _REPOSITORY in value for name, value in options)
    charts = {*_CHARTS, "cilium"} if repository else set(_CHARTS)
    if tool == "helm" and not charts.intersection(words):
        return
    if any(name == "--dry-run" for name, _ in options):
        return
    known = [(name, value) for name, value in options if not _UNKNOWN.search(value)]
    named = [("--set", f"cluster.name={value}") for name, value in options if name == "--cluster-name" and value]
    version = next((value for name, value in known if name == "--version" and _VERSION.fullmatch(value)), None)
    pairs = [pair for name, value in (*named, *options) if name in _SETS for pair in _pairs(value)]
    pairs += [(value.partition("=")[0], "$") for name, value in options if name in _OTHER_SETS]
    sets = tuple(pair for pair in pairs if not any(map(_UNKNOWN.search, pair)))
    unknown = tuple(path for path, value in pairs if _UNKNOWN.search(value) and not _UNKNOWN.search(path))
    files = tuple(value for name, value in options if name in _FILES)
    read = tuple(value for name, value in known if name in _FILES)
    open_ended = (
        len(files) > len(read)
        or any(_UNKNOWN.search(path) for path, _ in pairs)
        or any(name in _KEEPING for name, _ in options)
        or _has_unknown_words(words)
    )
    yield CiliumCommand(source, version, sets, read, unknown=unknown, open_ended=open_ended)


def _has_unknown_words(words: Sequence[str]) -> bool:
    """Whether a variable or a template stands where an option would, and may be any."""
    for before, word in pairwise(("", *words)):
        value = before.startswith("-") and "=" not in before
        if _UNKNOWN.match(word) and not value:
            return True
    return False


def _options(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each option with its value; empty where the next word is an option too."""
    for index, word in enumerate(words):
        if word.startswith("-"):
            name, equals, value = word.partition("=")
            if name in (*_SETS, *_OTHER_SETS, *_FILES, "--version", "--repo", "--cluster-name") and not equals:
                value = words[index + 1] if index + 1 < len(words) else ""
            yield name, value


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    """The paths and texts of `a.b=1,c={2,3}`; a text that a variable stands for as a whole is a path without one."""
    for part in re.split(r",(?![^{]*\})(?=[\w.\[\]\\/-]+=)", text):
        path, equals, value = part.partition("=")
        if equals or _UNKNOWN.search(part):
            yield path, value


def _of_tasks(path: str, data: bytes) -> Iterator[CiliumCommand]:
    """What tasks of Ansible give to the chart of Cilium, templates left out."""
    try:
        documents = yamltext.parse(yamltext.decode(data))
    except yamltext.YamlTextError:
        return
    for document in documents:
        for index, task in enumerate(items(document.value)):
            for name in _MODULES:
                module = mapping(task.get(name))
                gone = module.get("state") == "absent" or module.get("release_state") == "absent"
                if module.get("chart_ref") in _CHARTS and not gone:
                    line = yamltext.locate(document, f"/{index}/{name.replace('/', '~1')}").line
                    version = module.get("chart_version")
                    plain = isinstance(version, str) and _VERSION.fullmatch(version)
                    values = module.get("release_values") or module.get("values")
                    more = any(module.get(key) for key in ("values_files", "set_values", "reuse_values"))
                    yield CiliumCommand(
                        Source(path, line),
                        version if plain else None,
                        given=_plain(mapping(values)),
                        unknown=tuple(_unknown_in(mapping(values))),
                        open_ended=more or (values is not None and not isinstance(values, Mapping)),
                        conditional=under_condition(task),
                    )


def _unknown_in(values: Mapping[str, Any], above: str = "") -> Iterator[str]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _unknown_in(value, f"{above}{key}.")
        elif _UNKNOWN.search(str(value)):
            yield f"{above}{key}"


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values without those that a template fills in."""
    kept: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            kept[key] = _plain(value)
        elif not _UNKNOWN.search(str(value)):
            kept[key] = value
    return kept
