"""What configuration of a cluster's own software says of it: Talos, k3s, kubeadm, Cluster API, Terraform."""
