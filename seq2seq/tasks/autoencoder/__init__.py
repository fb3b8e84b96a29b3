"""A line of text in, the same line out: translation of a line into itself, through the encoder's final state alone."""
