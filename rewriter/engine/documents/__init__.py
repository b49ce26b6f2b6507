"""From the bytes of a file to the policies in it, each with its place in the text."""
