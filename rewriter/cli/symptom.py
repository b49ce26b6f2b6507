"""`cnpfix explain --symptom`: from what you see to the passes that find its cause."""

from __future__ import annotations

from collections.abc import Iterator

from rewriter.catalogue import Symptom, read_symptoms, search
from rewriter.cli.errors import UsageError
from rewriter.cli.printing import warn
from rewriter.output.style import Style
from rewriter.passes import PASSES


def explain_symptom(text: str, style: Style) -> int:
    """Prints the symptoms that a description means; 0, or 1 where it means none. An empty one is a UsageError."""
    if not text.strip():
        raise UsageError("--symptom: expected a description of what goes wrong, such as 'DNS works, curl times out'")
    found = search(text, read_symptoms())
    if not found:
        warn(f"no symptom is like {text.strip()!r}; `cnpfix passes` lists what can be found, `cnpfix .` looks for it")
        return 1
    print("\n\n".join("\n".join(_lines(symptom, style)) for symptom in found))
    return 0


def _lines(symptom: Symptom, style: Style) -> Iterator[str]:
    """The heading, the cause, how to confirm it, and the passes."""
    yield style.paint(symptom.symptom, "bold")
    yield ""
    yield from style.wrap(symptom.cause, 0)
    yield ""
    yield from style.wrap(symptom.look, 0, "confirm  ")
    known = {pass_.id: pass_ for pass_ in PASSES}
    for number, name in enumerate(symptom.passes):
        lead = "found by " if number == 0 else " " * 9
        yield from style.wrap(f"{known[name].code} {name}: {known[name].title}", 0, lead)
    yield f"try      cnpfix --select {','.join(symptom.passes)} PATH"
