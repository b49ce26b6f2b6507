"""What an edit of files with policies turns: the questions about policies to which the answer may be another now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import fields

from rewriter.engine.again.results import FileResults
from rewriter.engine.again.slices import NotKeptError, Plain, Slice
from rewriter.evidence.resting import DENIES_EGRESS, EVERYTHING, NAMES, home, naming, trait
from rewriter.inventory.files.programs import holds_commands, makes_resources
from rewriter.inventory.kept.offered import digest_of
from rewriter.inventory.tree.noting import NotingInventory
from rewriter.records import dataclass

#: Answers to questions about all policies that turn only by policies with a trait.
ANSWERS = {"denies egress": DENIES_EGRESS, "names anywhere": NAMES}


@dataclass(frozen=True, slots=True)
class Edit:
    """What of the policies became another: `homes` are their namespaces, `traits` what stands in them."""

    homes: frozenset[str]
    traits: frozenset[str]
    questions: frozenset[str]
    all_naming: bool

    def turns(self, asked: Set[str]) -> bool:
        """Whether an answer to these questions may be another now."""
        if EVERYTHING in asked or not self.questions.isdisjoint(asked):
            return True
        return self.all_naming and any(question.startswith("to ") for question in asked)


def edit_of(changed: Sequence[Plain], every: Iterable[Plain]) -> Edit:
    homes = frozenset(plain.home for plain in changed)
    traits = frozenset(word for plain in changed for word in plain.traits)
    # Answers about a namespace come in an order that the first of its policies gives.
    there = [plain for plain in every if plain.home in homes]
    named = {name for plain in there for name in plain.named or ()} | homes
    questions = {*map(home, homes), *map(trait, traits), *map(naming, named)}
    return Edit(homes, traits, frozenset(questions), any(plain.named is None for plain in there))


def record_words(inventory: NotingInventory, path: str, data: bytes) -> str:
    """What a file says beside its policies, at a glance, as a digest; empty where a glance does not show it."""
    record = inventory.offered.records.get(path)
    if record is None or holds_commands(path, data) or makes_resources(path, data) or not inventory.reads(path):
        return ""
    shown = [getattr(record, field.name) for field in fields(record)]
    shown[0] = sorted(record.kinds)
    return digest_of(repr(shown).encode()).hex()


def called_alike(one: Slice, other: Slice) -> bool:
    """Whether others that choose policies by their names and labels choose both."""
    if one.plain is None or other.plain is None:
        return one == other
    return one.plain.called == other.plain.called


def changed_in(file: FileResults, held: Set[int], slices: Sequence[Slice]) -> list[Plain]:
    """The policies that only one of two states of a file has, and those that stand between such."""
    old = [file.slices[number] for number in sorted({one.slice for one in file.results})]
    new = [slices[number] for number in sorted(held)]
    while old and new and old[0] == new[0]:
        del old[0], new[0]
    while old and new and old[-1] == new[-1]:
        del old[-1], new[-1]
    found = []
    for part in (*old, *new):
        if part.plain is None:
            raise NotKeptError
        found.append(part.plain)
    return found
