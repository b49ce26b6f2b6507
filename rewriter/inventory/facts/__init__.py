"""The facts that a rewrite may rely on, where each comes from, and what its absence proves."""
