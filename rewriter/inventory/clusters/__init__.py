"""Which clusters there are, what runs them, and which folders belong to each."""
