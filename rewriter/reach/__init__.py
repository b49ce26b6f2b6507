"""Which flows differ between two sets of policies, exactly and in plain words."""
