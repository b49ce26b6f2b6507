"""Who owns a file: CODEOWNERS as each forge reads it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from rewriter.bot.errors import BotError
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

_SECTION = re.compile(r"^\^?\[(?P<name>[^\]]+)\](?:\[\d+\])?(?P<owners>.*)$")


def read_owners(tree: Path, kind: ForgeKind) -> OwnersOf:
    """The owners by the CODEOWNERS file of a laid out tree; nobody owns anything where there is none."""
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
    for line in lines:
        try:
            CodeOwners(line)
        except (ValueError, IndexError, re.error):
            continue  # The forge passes over a line that it cannot read.
        usable.append(line)
    owners = CodeOwners("\n".join(usable))
    return lambda path: tuple(name for _, name in owners.of(path))


def _sections(text: str) -> OwnersOf:
    """GitLab: every section has its say; a pattern without owners takes those of its section's head."""
    sections: dict[str, list[str]] = {"": []}
    defaults: dict[str, str] = {"": ""}
    name = ""
    for line in _lines(text):
        head = _SECTION.match(line)
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
        matching = (names for pattern, negated, names in rules if bool(pattern.fullmatch(path)) is not negated)
        return tuple(dict.fromkeys(name for names in matching for name in names))

    return owners


def _expression_rules(text: str) -> Iterator[tuple[re.Pattern[str], bool, tuple[str, ...]]]:
    for line in _lines(text):
        pattern, *names = line.split()
        negated = pattern.startswith("!")
        try:
            compiled = re.compile(pattern.removeprefix("!"))
        except re.error:
            continue
        yield compiled, negated, tuple(names)
