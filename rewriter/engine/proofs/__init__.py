"""The proofs that a rewritten document passes before anything is written (DESIGN section 4)."""
