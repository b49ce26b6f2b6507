"""DNS names in rules, and the pods that resolve them."""
