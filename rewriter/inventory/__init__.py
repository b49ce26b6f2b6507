"""Facts about clusters, namespaces, workloads and Services, each with where it came from."""
