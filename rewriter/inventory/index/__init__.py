"""Which files of a tree may hold a fact or a label, by the words in them."""
