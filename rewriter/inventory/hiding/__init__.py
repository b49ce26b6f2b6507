"""What may hold facts that were not read."""
