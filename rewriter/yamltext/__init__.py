"""Text with positions: parse YAML and JSON, edit by splices, touch nothing else. Knows no Cilium."""

from rewriter.yamltext.comments import comment_texts, comments, comments_at, comments_of
from rewriter.yamltext.document import Document, TextRange, locate, locate_key, node_at
from rewriter.yamltext.edit import Editor, edit, edit_document, edit_many
from rewriter.yamltext.errors import EditError, Limits, YamlTextError
from rewriter.yamltext.gaps import Comment
from rewriter.yamltext.inner import InnerText, inner_text
from rewriter.yamltext.kept import let_go_of_nodes, parse_kept, parse_made
from rewriter.yamltext.line_diff import opcodes
from rewriter.yamltext.moves import Moves, moves_of
from rewriter.yamltext.nodes import Alias, Mapping, Node, Scalar, Sequence, Span
from rewriter.yamltext.parse import decode, parse
from rewriter.yamltext.quoted import QuotedText, quoted_text
from rewriter.yamltext.route import uneditable
from rewriter.yamltext.second import LocatedComment, Path, SecondParserError, agrees, read_twice
from rewriter.yamltext.templates import has_substitution, template_markup

__all__ = [
    "Alias",
    "Comment",
    "Document",
    "EditError",
    "Editor",
    "InnerText",
    "Limits",
    "LocatedComment",
    "Mapping",
    "Moves",
    "Node",
    "Path",
    "QuotedText",
    "Scalar",
    "SecondParserError",
    "Sequence",
    "Span",
    "TextRange",
    "YamlTextError",
    "agrees",
    "comment_texts",
    "comments",
    "comments_at",
    "comments_of",
    "decode",
    "edit",
    "edit_document",
    "edit_many",
    "has_substitution",
    "inner_text",
    "let_go_of_nodes",
    "locate",
    "locate_key",
    "moves_of",
    "node_at",
    "opcodes",
    "parse",
    "parse_kept",
    "parse_made",
    "quoted_text",
    "read_twice",
    "template_markup",
    "uneditable",
]
