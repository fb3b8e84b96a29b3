"""Text in, a label out: a recurrent encoder whose outputs become one vector, and a layer of labels over it."""
