"""The inventory of a repository."""
