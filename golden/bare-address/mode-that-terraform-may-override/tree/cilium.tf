resource "helm_release" "cilium" {
  name      = "cilium"
  namespace = "kube-system"
  chart     = "cilium"
  values = [yamlencode({
    cluster               = { name = "home" }
    policyEnforcementMode = "default"
  })]
  set {
    name  = "policyEnforcementMode"
    value = var.enforcement
  }
}
