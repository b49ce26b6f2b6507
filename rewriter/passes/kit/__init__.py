"""What passes share: sites, changes, the flows they claim, coverage by other rules, registration."""
