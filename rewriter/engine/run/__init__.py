"""A run: what it works on, each file fixed and proved, and what its policies do to traffic."""
