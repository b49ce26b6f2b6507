"""Many repositories at once: their facts first, then the findings of each on the facts of all."""
