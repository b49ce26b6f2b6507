"""Discover, parse, find, fix, prove, report."""
