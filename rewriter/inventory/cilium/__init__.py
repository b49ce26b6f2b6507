"""Cilium's settings, wherever an installation states them."""
