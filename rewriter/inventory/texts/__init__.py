"""Manifests and HCL as plain values with their lines."""
