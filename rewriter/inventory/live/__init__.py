"""Live clusters, read with the official Kubernetes client: lists and one ConfigMap, nothing else."""
