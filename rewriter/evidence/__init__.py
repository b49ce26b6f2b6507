"""What is known about the place of a policy: its workloads, Services, namespaces, clusters; no findings."""
