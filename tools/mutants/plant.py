"""Puts a mutant into a process that has imported the code already: the code objects of its functions are replaced."""

from __future__ import annotations

import gc
import importlib.abc
import importlib.machinery
import sys
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FunctionType, ModuleType

from tools.mutants.draw import Mutant


class Functions:
    """The functions that live in this process, by the place of their code."""

    def __init__(self) -> None:
        self._by_place: dict[tuple[str, int, str], list[FunctionType]] = {}
        for living in gc.get_objects():
            if isinstance(living, FunctionType):
                self._by_place.setdefault(_place(living.__code__), []).append(living)

    def of(self, code: CodeType) -> list[FunctionType]:
        return self._by_place.get(_place(code), [])


def swaps(mutant: Mutant, functions: Functions) -> list[tuple[FunctionType, CodeType]] | None:
    """The functions whose code changes, with their new code; None where the change runs as the module is imported."""
    name = str(mutant.place.path.resolve())
    pairs = list(_changed(compile(mutant.source, name, "exec"), compile(mutant.mutated, name, "exec"), functions))
    if not pairs or any(old is None for old, _ in pairs):
        return None
    found = [(function, new) for old, new in pairs if old is not None for function in functions.of(old)]
    # A function takes only code with as many names from around it: a change may leave out the only use of one.
    fits = all(len(function.__code__.co_freevars) == len(new.co_freevars) for function, new in found)
    return found if fits else None


def _changed(old: CodeType, new: CodeType, functions: Functions) -> Iterator[tuple[CodeType | None, CodeType]]:
    """The outermost functions that differ; None for code that is no living function."""
    if old == new:
        return
    if functions.of(old):
        yield old, new
        return
    if old.replace(co_consts=_own(old)) != new.replace(co_consts=_own(new)) or len(_inner(old)) != len(_inner(new)):
        yield None, new
    for before, after in zip(_inner(old), _inner(new), strict=False):
        yield from _changed(before, after, functions)


def _own(code: CodeType) -> tuple[object, ...]:
    return tuple(None if isinstance(constant, CodeType) else constant for constant in code.co_consts)


def _inner(code: CodeType) -> list[CodeType]:
    return [constant for constant in code.co_consts if isinstance(constant, CodeType)]


def _place(code: CodeType) -> tuple[str, int, str]:
    return code.co_filename, code.co_firstlineno, code.co_qualname


class Planted(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module from the text of a mutant; for changes that run while the module is imported."""

    def __init__(self, path: Path, text: str) -> None:
        self.name = ".".join(path.with_suffix("").parts).removesuffix(".__init__")
        self._path, self._text = path.resolve(), text

    def install(self) -> None:
        sys.meta_path.insert(0, self)

    def find_spec(
        self, fullname: str, path: object = None, target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self.name:
            return None
        spec = importlib.machinery.ModuleSpec(fullname, self, origin=str(self._path))
        spec.has_location = True
        if self._path.name == "__init__.py":
            spec.submodule_search_locations = [str(self._path.parent)]
        return spec

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self._text, str(self._path), "exec"), module.__dict__)
