"""The catalogue of symptoms, and the table of all passes, as they stand in docs/mistakes.md."""

from __future__ import annotations

from itertools import groupby

from rewriter.catalogue import Symptom, read_symptoms
from rewriter.passes import PASSES


def symptoms() -> str:
    """Every symptom, group by group: cause, how to confirm it, and links to the passes that find it."""
    parts = []
    for group, members in groupby(read_symptoms(), key=lambda symptom: symptom.group):
        parts += [f"### {group}", *map(_symptom, members)]
    return "\n\n".join(parts)


def by_pass() -> str:
    """A row for each pass: what it finds, and the symptoms that it explains."""
    rows = ["| pass | finds | what people see |", "| --- | --- | --- |"]
    for pass_ in sorted(PASSES, key=lambda pass_: pass_.code):
        seen = "; ".join(symptom.symptom for symptom in read_symptoms() if pass_.id in symptom.passes)
        rows.append(f"| [{pass_.code} {pass_.id}](passes/{pass_.id}.md) | {pass_.title} | {seen} |")
    return "\n".join(rows)


def _symptom(symptom: Symptom) -> str:
    links = ", ".join(f"[{name}](passes/{name}.md)" for name in symptom.passes)
    return f"#### {symptom.symptom}\n\n{symptom.cause}\n\n- Confirm: {symptom.look}\n- Found by {links}"
