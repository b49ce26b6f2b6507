"""The command line as programs outside this project call it: every claim of its contract, one by one."""
