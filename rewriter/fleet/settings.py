"""`fleet.toml`: which repositories, where the work goes, and whether requests are opened."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rewriter.discovery import read_bounded, why_unread
from rewriter.records import dataclass

MAX_BYTES = 4 << 20
#: Forges whose organisations or groups can be listed.
FORGES = ("github", "gitlab", "gitea", "forgejo")
_TOP = ("work", "from", "to", "timeout", "sources", "inventories", "pr")
_SOURCE = (*FORGES, "urls", "file", "match", "api_url", "insecure")
_PR = ("enabled", "limit_per_hour")


class FleetError(Exception):
    """A fleet that cannot be run: one line with what was expected and what to do."""


@dataclass(frozen=True, slots=True)
class Source:
    """An organisation or a group of a forge (`kind`, `name`), or URLs that are given (`urls`, then both are empty).

    `match` is a glob on the last part of a repository's name; `api_url` the API of a self-hosted forge;
    `insecure` allows plain HTTP to another machine.
    """

    kind: str = ""
    name: str = ""
    urls: tuple[str, ...] = ()
    match: str = "*"
    api_url: str | None = None
    insecure: bool = False


@dataclass(frozen=True, slots=True)
class FleetSettings:
    """A fleet. `inventories` are snapshots of clusters; `timeout` is in seconds, for each step of a repository.

    `requests`: pull requests are opened, for no more than `limit_per_hour` repositories of a forge in an hour.
    """

    work: Path
    sources: tuple[Source, ...]
    inventories: tuple[Path, ...] = ()
    from_version: str | None = None
    to_version: str | None = None
    timeout: int = 900
    requests: bool = False
    limit_per_hour: int = 20


def read_settings(path: Path) -> FleetSettings:
    """The settings of a file; its paths start at its folder. Raises FleetError."""
    try:
        data = tomllib.loads(read_bounded(path, MAX_BYTES).decode("utf-8"))
    except OSError as error:
        raise FleetError(f"{path}: {why_unread(path, error)}") from None
    except (ValueError, RecursionError) as error:
        raise FleetError(f"{path}: is not TOML: {error}") from None
    table = _Table(str(path), data, _TOP)
    sources = tuple(_source(path, _Table(f"{path}: sources", other, _SOURCE)) for other in table.tables("sources"))
    if not sources:
        raise FleetError(f'{path}: expected one [[sources]] or more, such as github = "acme"')
    globs = [
        glob
        for other in table.tables("inventories")
        for glob in _Table(f"{path}: inventories", other, ("files",)).texts("files")
    ]
    requests = _Table(f"{path}: pr", table.table("pr"), _PR)
    return FleetSettings(
        work=path.parent / table.text("work", "fleet-work"),
        sources=sources,
        inventories=tuple(file for glob in globs for file in _files(path, glob)),
        from_version=table.text("from", "") or None,
        to_version=table.text("to", "") or None,
        timeout=table.number("timeout", 900),
        requests=requests.flag("enabled"),
        limit_per_hour=requests.number("limit_per_hour", 20),
    )


def _source(path: Path, table: _Table) -> Source:
    named = [key for key in (*FORGES, "urls", "file") if key in table.data]
    if len(named) != 1:
        raise FleetError(f"{table.where}: expected one of {', '.join((*FORGES, 'urls', 'file'))} in each")
    kind = named[0]
    match = table.text("match", "*")
    insecure = table.flag("insecure")
    if kind == "urls":
        return Source(urls=table.texts("urls"), match=match, insecure=insecure)
    if kind == "file":
        listed = path.parent / table.text("file", "")
        try:
            lines = read_bounded(listed, MAX_BYTES).decode("utf-8").splitlines()
        except OSError as error:
            raise FleetError(f"{table.where}: {listed}: {why_unread(listed, error)}") from None
        except UnicodeDecodeError:
            raise FleetError(f"{table.where}: {listed}: is not UTF-8 text") from None
        urls = tuple(text for line in lines if (text := line.partition("#")[0].strip()))
        return Source(urls=urls, match=match, insecure=insecure)
    api_url = table.text("api_url", "") or None
    if api_url is not None and not _is_address(api_url):
        raise FleetError(
            f"{table.where}: api_url: expected a URL such as https://git.example.org/api/v4, with no credentials in it"
        )
    return Source(kind, table.text(kind, ""), match=match, api_url=api_url, insecure=insecure)


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("https", "http") and bool(parts.hostname) and not (parts.username or parts.query)


def _files(path: Path, glob: str) -> list[Path]:
    found = sorted(path.parent.glob(glob)) if not Path(glob).is_absolute() else [Path(glob)]
    if not found:
        raise FleetError(f"{path}: inventories: {glob} matches no file; make one with `cnpfix snapshot`")
    return found


@dataclass(frozen=True, slots=True)
class _Table:
    """A table of the file; every mistake in it is one line with its place."""

    where: str
    data: Mapping[str, Any]
    keys: tuple[str, ...]

    def __post_init__(self) -> None:
        for key in self.data:
            if key not in self.keys:
                close = get_close_matches(key, self.keys, n=1)
                hint = f"; did you mean {close[0]}?" if close else f"; expected {', '.join(self.keys)}"
                raise FleetError(f"{self.where}: unknown key {key}{hint}")

    def text(self, key: str, usual: str) -> str:
        value = self.data.get(key, usual)
        if not isinstance(value, str) or (key in self.data and not value.strip()):
            raise FleetError(f"{self.where}: {key}: expected a text")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        value = self.data.get(key, [])
        if not isinstance(value, list) or not value or not all(isinstance(text, str) for text in value):
            raise FleetError(f"{self.where}: {key}: expected a list of texts")
        return tuple(value)

    def number(self, key: str, usual: int) -> int:
        value = self.data.get(key, usual)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise FleetError(f"{self.where}: {key}: expected a whole number from 1")
        return value

    def flag(self, key: str) -> bool:
        value = self.data.get(key, False)
        if not isinstance(value, bool):
            raise FleetError(f"{self.where}: {key}: expected true or false")
        return value

    def table(self, key: str) -> Mapping[str, Any]:
        value = self.data.get(key, {})
        if not isinstance(value, dict):
            raise FleetError(f"{self.where}: {key}: expected a table, [{key}]")
        return value

    def tables(self, key: str) -> list[Mapping[str, Any]]:
        value = self.data.get(key, [])
        if not isinstance(value, list) or not all(isinstance(table, dict) for table in value):
            raise FleetError(f"{self.where}: {key}: expected tables, [[{key}]]")
        return value
