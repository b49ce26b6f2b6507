"""Whether a release enforces a policy, what a repair keeps alive, and how releases read it."""
