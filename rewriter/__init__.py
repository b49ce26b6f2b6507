"""cnpfix: finds and rewrites Cilium network policies that do not do what they say."""

__version__ = "0.1.0"
