"""What came of an earlier `impact`, as far as it holds: only what rests on what changed is judged again."""
