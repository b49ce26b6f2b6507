"""Selectors of peers and subjects, and the namespace that they mean."""
