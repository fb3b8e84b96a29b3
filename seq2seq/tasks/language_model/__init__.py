"""Lines of text, each token predicted from those before it: a recurrent encoder whose outputs score the vocabulary."""
