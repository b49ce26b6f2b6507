"""Entries that name clusters, and those that are to."""
