"""How manifests reach a cluster: Kustomize, Flux, Argo CD, and what changes them on their way."""
