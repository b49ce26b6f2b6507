"""What is kept of a tree between runs, so that files that did not change need not be read."""
