"""The changes: cosmic-ray's operators at the places of some files, and a sample of them drawn by lot."""

from __future__ import annotations

import ast
import difflib
import random
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cosmic_ray.ast import ast_nodes, get_ast  # pyright: ignore[reportMissingImports]
from cosmic_ray.mutating import mutate_code  # pyright: ignore[reportMissingImports]
from cosmic_ray.plugins import get_operator  # pyright: ignore[reportMissingImports]

# Of the hundred replacements of an operator, those that a person could have written by mistake.
OPERATORS = (
    *(f"ReplaceComparisonOperator_{pair}" for pair in ("Eq_NotEq", "NotEq_Eq", "Lt_LtE", "LtE_Lt", "Gt_GtE", "GtE_Gt")),
    *(f"ReplaceComparisonOperator_{pair}" for pair in ("Is_IsNot", "IsNot_Is")),
    *(f"ReplaceBinaryOperator_{pair}" for pair in ("Add_Sub", "Sub_Add", "Mul_Add", "FloorDiv_Mul", "Mod_Mul")),
    *(f"ReplaceBinaryOperator_{pair}" for pair in ("BitOr_BitAnd", "BitAnd_BitOr", "Sub_BitAnd", "BitXor_BitOr")),
    *("ReplaceAndWithOr", "ReplaceOrWithAnd", "ReplaceTrueWithFalse", "ReplaceFalseWithTrue", "AddNot"),
    *("ReplaceUnaryOperator_Delete_Not", "ReplaceUnaryOperator_Delete_USub", "NumberReplacer"),
    *("ReplaceBreakWithContinue", "ReplaceContinueWithBreak", "ZeroIterationForLoop", "ExceptionReplacer"),
)

_LIVED = re.compile(r"^(?:survived|untested|unclear) \([^)]*\) (\S+?):(\d+): (\w+): (.*)$", re.MULTILINE)
#: By so many lines a mutant may have moved since.
_MOVED = 60


@dataclass(frozen=True, slots=True)
class Place:
    """Where an operator changes something: the change is the `occurrence`-th of that operator in the file."""

    path: Path
    operator: str
    occurrence: int
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Mutant:
    """A file with one change; `before` and `after` are the changed lines."""

    place: Place
    source: str
    mutated: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.place.path}:{self.place.line}: {self.place.operator}: {self.before} -> {self.after}"


def drawn(paths: Iterable[Path], most: int, seed: int) -> list[Mutant]:
    """At most `most` mutants of the files at and below these paths; one seed draws the same ones of the same code.

    Each place of the code is as likely as any other, however many operators fit it. Changes that only a type checker
    reads are left out.
    """
    lot = random.Random(seed)
    spots: dict[tuple[Path, int, int], list[Place]] = {}
    files = {file for path in paths for file in ([path] if path.is_file() else path.rglob("*.py"))}
    for path in sorted(files):
        for place in places(path):
            spots.setdefault((path, place.line, place.column), []).append(place)
    order = list(spots.values())
    lot.shuffle(order)
    found: list[Mutant] = []
    for choices in order:
        if len(found) == most:
            break
        mutant = planted(lot.choice(choices))
        if mutant is not None:
            found.append(mutant)
    return sorted(found, key=lambda mutant: (str(mutant.place.path), mutant.place.line, mutant.place.column))


def once_more(report: str) -> list[Mutant]:
    """The mutants of a report that lived, in the code of today: a change elsewhere may have moved them a little."""
    found: list[Mutant] = []
    for name, line, operator, change in _LIVED.findall(report):
        near = [place for place in places(Path(name), (operator,)) if abs(place.line - int(line)) <= _MOVED]
        for place in sorted(near, key=lambda place: abs(place.line - int(line))):
            mutant = planted(place)
            if mutant is not None and f"{mutant.before} -> {mutant.after}" == change:
                found.append(mutant)
                break
    return found


def places(path: Path, names: Iterable[str] = OPERATORS) -> Iterator[Place]:
    source = path.read_text()
    lines = source.splitlines()
    nodes = list(ast_nodes(get_ast(source)))
    for name in names:
        operator = get_operator(f"core/{name}")()
        found = (start for node in nodes for start, _ in operator.mutation_positions(node))
        for occurrence, (line, column) in enumerate(found):
            if not ("BitOr" in name and "isinstance(" in lines[line - 1]):  # A union of types: it never gets that far.
                yield Place(path, name, occurrence, line, column)


def planted(place: Place) -> Mutant | None:
    """The file with the change; None where it changes annotations or docstrings alone, or is no Python any more."""
    source = place.path.read_text()
    try:
        mutated = mutate_code(source, get_operator(f"core/{place.operator}")(), place.occurrence)
        if mutated is None or _run(mutated) == _run(source):
            return None
    except (AttributeError, SyntaxError):  # An exception with a dotted name; `&` in place of the `|` of a pattern.
        return None
    changes = [line for line in difflib.ndiff(source.splitlines(), mutated.splitlines()) if line[:2] in ("- ", "+ ")]
    before = " ".join(line[2:].strip() for line in changes if line[0] == "-")
    after = " ".join(line[2:].strip() for line in changes if line[0] == "+")
    return Mutant(place, source, mutated, before, after)


def _run(source: str) -> str:
    """What of a file has an effect when it runs."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            node.annotation = None
        elif isinstance(node, ast.FunctionDef):
            node.returns = None
        elif isinstance(node, ast.AnnAssign):
            node.annotation = ast.Constant(None)
    return ast.dump(tree)
