resource "kubernetes_labels" "names" {
  for_each    = toset(var.namespaces)
  api_version = "v1"
  kind        = "Namespace"
  metadata { name = each.key }
  labels = { name = each.key }
}
