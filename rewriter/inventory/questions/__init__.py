"""What passes ask of the inventory, whatever the facts come from."""
