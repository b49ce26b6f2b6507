"""One flow through the policies of a workspace: what decides it."""
