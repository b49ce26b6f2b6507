"""Policies that Kustomize patches change: judged as built, fixed at the text that causes it, proved by building."""
