"""One document through all passes: findings, fixes in rounds, the proofs of each step."""
