"""What a run gives: findings, files and errors, and which of them a baseline or a comment silences."""
