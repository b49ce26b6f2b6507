"""One finding in a few words, as several formats show it."""

from __future__ import annotations

from rewriter.engine.results.result import Reported
from rewriter.finding import Applicability
from rewriter.output.style import one_line


def full_message(item: Reported) -> str:
    """Message, reason, flows and advice as one clean paragraph."""
    finding = item.finding
    parts = [finding.message, finding.why]
    if item.flows.opened:
        parts.append("The fix opens " + "; ".join(item.flows.opened))
    if item.flows.closed:
        parts.append("The fix closes " + "; ".join(item.flows.closed))
    parts += [item.not_fixed or finding.advice, remedy(item)]
    return " ".join(_sentence(part) for part in parts if part)


def _sentence(text: str) -> str:
    """With a capital, unless it starts with a name, and a full stop."""
    line = one_line(text).rstrip(".") + "."
    first = line.split(maxsplit=1)[0]
    return line[0].upper() + line[1:] if first.isalpha() and first.islower() and first != "cnpfix" else line


def remedy(item: Reported) -> str:
    """What can be done about a finding, in a few words."""
    if item.fixed:
        return f"cnpfix --write fixes it ({item.finding.applicability.value})"
    if item.finding.applicability is Applicability.UNSAFE and not item.not_fixed:
        return "cnpfix --write --unsafe-fixes fixes it"
    return "left to a person"


def count(number: int, one: str, many: str = "") -> str:
    """`1 file`, `2 files`, `3 policies`."""
    return f"{number} {one if number == 1 else many or one + 's'}"
