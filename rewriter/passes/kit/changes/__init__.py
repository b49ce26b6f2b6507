"""What a fix does, stated once: places, operations, the flows they claim, and the finding made of them."""
