"""What the API server demands of a policy: the schemas of the CRDs per release, and the check against them."""
