"""The groups of keys, each with what can be wrong with them."""
