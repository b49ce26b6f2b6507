"""Kubernetes objects as facts."""
