"""The files of a tree that configure a cluster's own software, read when they are asked for.

talhelper lays the variables of a `talenv.yaml` beside it over its own files (its documentation, "Guides").
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property

from rewriter import patterns as re
from rewriter import yamltext
from rewriter.inventory.settings.machines import holds_settings, read_machines
from rewriter.inventory.settings.scripts import installs_cluster, read_script
from rewriter.inventory.settings.stated import Reading
from rewriter.inventory.settings.terraform import read_terraform
from rewriter.inventory.texts.manifests import mapping

#: Files of variables, by which talhelper fills its configuration in.
_TALENV = ("talenv.yaml", "talenv.yml")
_VARIABLE = re.compile(r"\$\{(\w+)\}")
#: Variables of Terraform in JSON.
_TFVARS = ".tfvars.json"

#: A configuration of a cluster is small; what is longer is a bundle of manifests.
_LONGEST = 200_000


class SettingsFiles:
    """Keeps the bytes of files that may say something. Nothing is parsed until `readings` is asked for."""

    def __init__(self) -> None:
        self._kept: list[tuple[str, bytes, Callable[[str, str], Iterable[Reading]]]] = []
        self._variables: dict[str, bytes] = {}

    def offer(self, path: str, data: bytes) -> bool:
        """Takes note of a file of YAML or JSON; whether it may say something."""
        folder, name = posixpath.split(path)
        if name in _TALENV:
            self._variables.setdefault(folder, data)
            return True
        if len(data) > _LONGEST or not holds_settings(data):
            return False
        self._kept.append((path, data, read_terraform if name.endswith(_TFVARS) else read_machines))
        return True

    def offer_terraform(self, path: str, data: bytes) -> None:
        """Takes note of a file of Terraform or Terragrunt."""
        if len(data) <= _LONGEST:
            self._kept.append((path, data, read_terraform))

    def offer_script(self, path: str, data: bytes) -> None:
        """Takes note of a script that may install a cluster."""
        if len(data) <= _LONGEST and installs_cluster(path, data):
            self._kept.append((path, data, read_script))

    @cached_property
    def paths(self) -> frozenset[str]:
        """The files of which note was taken."""
        return frozenset(path for path, _data, _read in self._kept)

    @cached_property
    def readings(self) -> list[Reading]:
        """What the files say, in their order; complete only once every file is offered."""
        return list(self._read())

    def _read(self) -> Iterator[Reading]:
        for path, data, read in self._kept:
            try:
                text = yamltext.decode(data)
            except yamltext.YamlTextError:
                continue
            yield from read(path, _filled_in(text, self._variables.get(posixpath.dirname(path))))


def _filled_in(text: str, data: bytes | None) -> str:
    """A text with the variables of a file that are plain: one word each, and not encrypted."""
    if data is None:
        return text
    try:
        documents = yamltext.parse(yamltext.decode(data))
    except yamltext.YamlTextError:
        return text
    stated = mapping(documents[0].value) if documents else {}
    plain = {key: str(value) for key, value in stated.items() if re.fullmatch(r"[\w.:/,-]+", str(value))}
    return _VARIABLE.sub(lambda match: plain.get(match[1], match[0]), text)
