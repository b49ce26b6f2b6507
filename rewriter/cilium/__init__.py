"""What Cilium means by a policy: labels, selectors, policies, verdicts. Pure: no files, no YAML."""
