"""Helm releases of the tree: what installs them, with which chart and values, and what they make."""
