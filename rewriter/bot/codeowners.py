"""Who owns a file: CODEOWNERS as each forge reads it."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rewriter.bot.errors import BotError
from rewriter.bot.expression import Expression
from rewriter.bot.remote import ForgeKind

#: Where each forge looks, first one first, by its documentation of code owners.
PLACES = {
    ForgeKind.GITHUB: (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"),
    ForgeKind.GITLAB: ("CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS"),
    ForgeKind.GITEA: ("CODEOWNERS", "docs/CODEOWNERS", ".gitea/CODEOWNERS"),
    ForgeKind.FORGEJO: ("CODEOWNERS", "docs/CODEOWNERS", ".forgejo/CODEOWNERS", ".gitea/CODEOWNERS"),
}
#: More than GitHub reads.
MAX_BYTES = 3 << 20

OwnersOf = Callable[[str], tuple[str, ...]]
"""From a file of the repository to its owners as they are written: `@user`, `@org/team`, `user@example.org`."""

SECTION = re.compile(r"^\^?\[(?P<name>[^\]]+)\](?:\[\d+\])?(?P<owners>.*)$")


def read_owners(tree: Path, kind: ForgeKind) -> OwnersOf:
    """The owners by the CODEOWNERS file of a laid out tree; no owners where there is none."""
    for place in PLACES[kind]:
        file = (tree / place).resolve()
        if file.is_file() and file.is_relative_to(tree.resolve()) and file.stat().st_size <= MAX_BYTES:
            text = file.read_text(encoding="utf-8", errors="replace")
            if kind is ForgeKind.GITHUB:
                return _last_match(_lines(text))
            return _sections(text) if kind is ForgeKind.GITLAB else _expressions(text)
    return lambda path: ()


def _lines(text: str) -> list[str]:
    lines = (re.sub(r"(?:^|(?<=\s))#.*", "", line).strip() for line in text.splitlines())
    return [line for line in lines if line]


def _last_match(lines: list[str]) -> OwnersOf:
    """GitHub's rule, and GitLab's within a section: the last pattern that matches says it all."""
    try:
        from codeowners import CodeOwners
    except ImportError:
        raise BotError("cnpfix pr reads CODEOWNERS with a library of its own: pip install 'cnpfix[pr]'") from None
    usable = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # A class of characters may one day be read otherwise.
        for line in lines:
            try:
                for expression, *_ in CodeOwners(line).paths:
                    Expression(expression.pattern)
            except (ValueError, IndexError, re.error):
                continue  # The forge passes over a line that it cannot read.
            usable.append(line)
        owners: Any = CodeOwners("\n".join(usable))
    # Its own expressions would try again and again for a pattern of many stars.
    owners.paths = [(Expression(expression.pattern), *rest) for expression, *rest in owners.paths]
    return lambda path: tuple(name for _, name in owners.of(path))


def _sections(text: str) -> OwnersOf:
    """GitLab: every section has its say; a pattern without owners takes those of its section's head."""
    sections: dict[str, list[str]] = {"": []}
    defaults: dict[str, str] = {"": ""}
    name = ""
    for line in _lines(text):
        head = SECTION.match(line)
        if head:
            name = head["name"].strip().lower()
            sections.setdefault(name, [])
            defaults[name] = defaults.get(name) or head["owners"].strip()
        else:
            pattern = line.replace("\\ ", "\0").split()
            sections[name].append(line if len(pattern) > 1 else f"{line} {defaults[name]}")
    readers = [_last_match(lines) for lines in sections.values() if lines]
    return lambda path: tuple(dict.fromkeys(owner for reader in readers for owner in reader(path)))


def _expressions(text: str) -> OwnersOf:
    """Gitea and Forgejo: each line is a regular expression over the whole path, `!` negates; all that match count."""
    rules = list(_expression_rules(text))

    def owners(path: str) -> tuple[str, ...]:
        matching = (names for expression, negated, names in rules if bool(expression.search(path)) is not negated)
        return tuple(dict.fromkeys(name for names in matching for name in names))

    return owners


def _expression_rules(text: str) -> Iterator[tuple[Expression, bool, tuple[str, ...]]]:
    """As Gitea reads a file (models/issues, TokenizeCodeOwnersLine and ParseCodeOwnersLine)."""
    for line in text.split("\n"):
        pattern, *names = _tokens(line) or [""]
        if not names:
            continue
        try:
            expression = Expression(f"^{pattern.removeprefix('!')}$")
        except ValueError:
            continue  # The forge passes over a line that it cannot read.
        yield expression, pattern.startswith("!"), tuple(names)


def _tokens(line: str) -> list[str]:
    """The words of a line; a backslash is gone, and takes the meaning from what it stands before."""
    words = [""]
    characters = iter(line.strip())
    for character in characters:
        if character == "#":
            break
        if character in " \t":
            words.append("")
        else:
            words[-1] += next(characters, "") if character == "\\" else character
    return [word for word in words if word]
