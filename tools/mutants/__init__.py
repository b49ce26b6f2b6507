"""Changes the code in one place at a time, and names the changes that no test notices: `python -m tools.mutants`."""
