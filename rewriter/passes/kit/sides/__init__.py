"""Other policies of the same flows: the other side, denies, Gateways."""
