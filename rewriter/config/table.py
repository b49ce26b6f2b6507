"""A table of a configuration: its keys, each checked as it is taken out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from rewriter.cilium.label_syntax import is_dns_label, name_problems, value_problems
from rewriter.cilium.labels import split_key
from rewriter.cilium.version import SUPPORTED, Version, parse_version
from rewriter.config.lines import line_of

#: As many stars in one name of a glob, and as many `**`: with more, trying a long name takes for ever.
_MOST_STARS = 3
#: Of a key, a message shows no more letters than this.
_LONGEST_KEY = 80


class ConfigError(ValueError):
    """A configuration that cannot be used; the message names the file, the line where it is known, and the key."""


def is_release(text: str) -> bool:
    """Whether a text is a known release, with or without its patch: `1.18`, `v1.18.4`, `1.18.x`, `1.18.0-rc.1`."""
    match = re.fullmatch(r"v?(\d+)\.(\d+)(?:\.(?:\d+|x|\*))?(?:[-+].*)?", text)
    return match is not None and Version(int(match[1]), int(match[2])) in SUPPORTED


class TableReader:
    """Takes keys out of a table, checks them, and at the end refuses those that no setting has."""

    def __init__(self, file: Path, where: str, data: Mapping[str, Any], lines: Mapping[str, int]) -> None:
        self.file = file
        self.where = where
        self.data = data
        self.lines = lines
        self.asked: list[str] = []

    def line(self, key: str) -> int | None:
        """The line of a key of this table, where it has one of its own."""
        return self.lines.get(self.where + key)

    def error(self, key: str, expected: str) -> ConfigError:
        return self._problem(key, f"expected {expected}")

    def _problem(self, key: str, says: str) -> ConfigError:
        line = line_of(self.where + key, self.lines)
        return ConfigError(f"{self.file}{'' if line is None else f':{line}'}: {self.where}{_shown(key)}: {says}")

    def unknown(self, key: str, known: tuple[str, ...]) -> ConfigError:
        close = get_close_matches(key, known, n=1, cutoff=0.5)
        hint = f"did you mean {close[0]!r}?" if close else "known here: " + ", ".join(known)
        return self._problem(key, f"unknown key; {hint}")

    def finish(self) -> None:
        for key in self.data:
            if key not in self.asked:
                raise self.unknown(key, tuple(self.asked))

    def _take(self, key: str) -> Any:
        self.asked.append(key)
        return self.data.get(key)

    def _checked(self, key: str, expected: str, holds: Callable[[Any], bool]) -> Any:
        value = self._take(key)
        if value is not None and not holds(value):
            raise self.error(key, f"{expected}, not {value!r:.60}")
        return value

    def text(self, key: str) -> str | None:
        value: str | None = self._checked(key, "a text of one line", _is_text)
        return value

    def flag(self, key: str) -> bool | None:
        value: bool | None = self._checked(key, "true or false", lambda v: isinstance(v, bool))
        return value

    def days(self, key: str) -> int | None:
        value: int | None = self._checked(key, "a whole number of days, 1 or more", _is_positive)
        return value

    def number(self, key: str) -> int | None:
        value: int | None = self._checked(key, "a whole number, 1 or more", _is_positive)
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        return tuple(self._checked(key, "a list of texts", _is_texts) or ())

    def labels(self, key: str) -> tuple[str, ...] | None:
        """Entries of a label filter; a text is cut at its blanks, as the agent does."""
        value = self._checked(key, "a text or a list of texts", lambda v: v == "" or _is_text(v) or _is_texts(v))
        return None if value is None else tuple(value.split() if isinstance(value, str) else value)

    def globs(self, key: str) -> tuple[str, ...]:
        """As `texts`; a repository's own config must not keep its reader busy with one name for ever."""
        globs = self.texts(key)
        for glob in globs:
            parts = glob.split("/")
            if parts.count("**") > _MOST_STARS or any(part.count("*") > _MOST_STARS for part in parts):
                raise self.error(key, f"globs of at most {_MOST_STARS} stars in a name, not {glob!r:.60}")
        return globs

    def cidrs(self, key: str) -> tuple[str, ...] | None:
        value = self._checked(key, "a list of CIDRs", _is_texts)
        for cidr in value or ():
            try:
                if "/" not in cidr:
                    raise ValueError
                ip_network(cidr, strict=False)
            except ValueError:
                raise self.error(key, f"CIDRs such as 10.0.0.0/16, not {cidr!r}") from None
        return None if value is None else tuple(value)

    def version(self, key: str) -> Version | None:
        value = self._take(key)
        if value is None:
            return None
        if not isinstance(value, str | float):
            raise self.error(key, f'a Cilium version as a text, such as "1.19", not {value!r:.60}')
        try:
            return parse_version(str(value))
        except ValueError as error:
            hint = ' (a version is a text: "1.20")' if isinstance(value, float) else ""
            raise self.error(key, f'a Cilium version such as "1.19": {error}{hint}') from None

    def release(self, key: str) -> str | None:
        """A release as it runs, with or without its patch: `1.18`, `v1.18.4`, `1.18.x`."""
        text = self.text(key)
        if text is None:
            return None
        if not is_release(text):
            known = ", ".join(map(str, SUPPORTED))
            raise self.error(key, f'a Cilium version such as "1.18" or "1.18.4", of {known}, not {text!r}')
        return text

    def passes(self, key: str, pass_ids: Mapping[str, str]) -> tuple[str, ...] | None:
        """The ids of passes; an empty list is not the same as None, which stands for no list."""
        names = self.texts(key)
        for name in names:
            if name not in pass_ids:
                close = get_close_matches(name, pass_ids, n=1, cutoff=0.5)
                hint = f"did you mean {close[0]!r}?" if close else "`cnpfix passes` lists them"
                raise self.error(key, f"pass ids or codes, not {name!r}; {hint}")
        return tuple(pass_ids[name] for name in names) if key in self.data else None

    def choice(self, key: str, choices: tuple[str, ...]) -> str | None:
        value: str | None = self._checked(key, "one of " + ", ".join(choices), lambda v: v in choices)
        return value

    def choices(self, key: str, choices: tuple[str, ...]) -> tuple[str, ...] | None:
        value = self._checked(key, "a list of " + ", ".join(choices), lambda v: _is_texts(v) and set(v) <= set(choices))
        return None if value is None else tuple(value)

    def names(self, key: str, words: tuple[str, ...], *, none: bool = False) -> str | tuple[str, ...] | None:
        """One of the words, or a list of cluster names; `none` says whether the list may be empty."""
        expected = " or ".join([*map(repr, words), "a list of cluster names"])
        value = self._checked(key, expected, lambda v: v in words or (_is_texts(v) and (none or bool(v))))
        return tuple(value) if isinstance(value, list) else value

    def label_map(self) -> dict[str, str]:
        labels = {key: value for key, value in self.data.items() if key not in self.asked}
        for key, value in labels.items():
            label, equals, text = key.partition("=")
            if not equals or not isinstance(value, str) or not value:
                raise self.error(key, 'a label and its namespace, such as "app=agent" = "monitoring"')
            if problem := _problem_of(label.strip(), text.strip()):
                raise self.error(key, f"a label, and {key!r:.80} can be none: {problem}")
            if not is_dns_label(value):
                raise self.error(key, _namespace(value))
            self.asked.append(key)
        return labels

    def namespaces(self, key: str) -> tuple[str, ...]:
        names = self.texts(key)
        for name in names:
            if not is_dns_label(name):
                raise self.error(key, _namespace(name))
        return names

    def table(self, key: str) -> TableReader:
        value = self._checked(key, "a table", lambda v: isinstance(v, dict)) or {}
        return TableReader(self.file, f"{self.where}{key}.", value, self.lines)

    def tables(self, key: str) -> list[TableReader]:
        value = self._checked(
            key, f"tables [[{key}]]", lambda v: isinstance(v, list) and all(isinstance(t, dict) for t in v)
        )
        return [
            TableReader(self.file, f"{self.where}{key}[{index}].", table, self.lines)
            for index, table in enumerate(value or ())
        ]


def _shown(key: str) -> str:
    """A key as a message names it: in one line, whatever its text holds."""
    return key if len(key.splitlines()) == 1 and len(key) <= _LONGEST_KEY else f"{key!r:.{_LONGEST_KEY}}"


def _problem_of(key: str, value: str) -> str:
    """Why a label can be none; empty where it can. Its key may have a source (`k8s:`)."""
    problem = next(name_problems(split_key(key)[1]), "")
    return problem or next(value_problems(value), "")


def _namespace(text: str) -> str:
    near = re.sub(r"[^a-z0-9-]+", "-", text.lower()).strip("-")[:63]
    hint = f"; did you mean {near!r}?" if near else ""
    return f"the name of a namespace (small letters, digits and -), not {text!r:.80}{hint}"


def _is_positive(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _is_text(value: Any) -> bool:
    """Whether this is a text that has letters, and none that end a line or steer a terminal."""
    return isinstance(value, str) and bool(value) and not any(ord(letter) < 32 or letter == "\x7f" for letter in value)
