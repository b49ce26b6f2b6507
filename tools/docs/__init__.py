"""Makes the generated parts of the documentation from what they describe: passes, command line, configuration."""
