"""Facts of clusters as files."""
