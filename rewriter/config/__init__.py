"""The project's configuration: `cnpfix.toml`, or `[tool.cnpfix]` in `pyproject.toml`."""

from rewriter.config.load import find_config, load_config, place_of, read_config
from rewriter.config.model import Config, PathRule, PullRequestOptions
from rewriter.config.table import ConfigError

__all__ = [
    "Config",
    "ConfigError",
    "PathRule",
    "PullRequestOptions",
    "find_config",
    "load_config",
    "place_of",
    "read_config",
]
