"""What may set the agents of a cluster and is not read: values of Cilium in Secrets, placeholders, broken files."""

from __future__ import annotations

from rewriter.inventory.facts.model import Source
from rewriter.records import dataclass


@dataclass(frozen=True, slots=True)
class UnreadSettings:
    """A place of settings that is not read, and the fields of a `Cluster` that it may set.

    `sources` names, in words, what the installation there takes values from; empty where the place itself cannot be
    read. `fields` is None where it may set any that nothing else sets. `placeholder` stands for the one field.
    `overrides` are fields that stand at these places, and that it may set to another value.
    """

    place: Source
    sources: str = ""
    fields: tuple[str, ...] | None = None
    placeholder: str = ""
    overrides: tuple[tuple[str, Source], ...] = ()

    def __str__(self) -> str:
        if self.placeholder:
            return f"{self.place} has {self.placeholder}, whose value is not known"
        if self.sources and self.fields is not None:
            return f"{self.place} takes {self.sources} from elsewhere, which is not read"
        taken = f"{self.place} takes values from {self.sources}, which is not read"
        return taken if self.sources else f"{self.place} cannot be read"
