"""What a fix, or an upgrade, does to traffic, held against what findings claim."""
