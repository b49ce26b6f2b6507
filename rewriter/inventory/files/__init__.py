"""The files of a repository, by their path from its root."""
