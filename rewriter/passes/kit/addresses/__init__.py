"""Addresses in rules, and who has them."""
