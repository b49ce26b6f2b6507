"""The symptoms of `symptoms.toml`."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

from rewriter.records import dataclass


@dataclass(frozen=True, slots=True)
class Symptom:
    """What you see, what lies behind it, and the ids of the passes that find it, the likeliest first."""

    group: str
    symptom: str
    #: Other ways to say it, as people type them, error messages included.
    words: tuple[str, ...]
    cause: str
    passes: tuple[str, ...]
    #: A command or a place that confirms it.
    look: str


@cache
def read_symptoms() -> tuple[Symptom, ...]:
    """Every symptom, in the order of the file: group by group."""
    loaded = tomllib.loads((files("rewriter.catalogue") / "symptoms.toml").read_text("utf-8"))
    return tuple(
        Symptom(
            symptom["group"],
            symptom["symptom"],
            tuple(symptom["words"]),
            symptom["cause"],
            tuple(symptom["passes"]),
            symptom["look"],
        )
        for symptom in loaded["symptom"]
    )
