"""Ports of rules, and those on which pods listen."""
