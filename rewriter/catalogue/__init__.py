"""What goes wrong with policies in practice, by what you see; made for docs/mistakes.md and `cnpfix explain`."""

from rewriter.catalogue.search import search
from rewriter.catalogue.symptoms import Symptom, read_symptoms

__all__ = ["Symptom", "read_symptoms", "search"]
