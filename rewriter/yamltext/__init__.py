"""Text with positions: parse YAML and JSON, edit by splices, touch nothing else. Knows no Cilium."""

from rewriter.yamltext.comments import comments, comments_at, comments_of
from rewriter.yamltext.document import Document, Location, locate, locate_key, node_at
from rewriter.yamltext.edit import edit, edit_document, edit_many
from rewriter.yamltext.errors import EditError, Limits, YamlTextError
from rewriter.yamltext.gaps import Comment
from rewriter.yamltext.nodes import Alias, Mapping, Node, Scalar, Sequence, Span
from rewriter.yamltext.parse import decode, parse
from rewriter.yamltext.route import uneditable
from rewriter.yamltext.templates import has_substitution, template_markup

__all__ = [
    "Alias",
    "Comment",
    "Document",
    "EditError",
    "Limits",
    "Location",
    "Mapping",
    "Node",
    "Scalar",
    "Sequence",
    "Span",
    "YamlTextError",
    "comments",
    "comments_at",
    "comments_of",
    "decode",
    "edit",
    "edit_document",
    "edit_many",
    "has_substitution",
    "locate",
    "locate_key",
    "node_at",
    "parse",
    "template_markup",
    "uneditable",
]
