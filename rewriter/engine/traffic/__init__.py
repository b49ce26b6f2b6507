"""Observed traffic beside the policies of a cluster."""
