"""What `seq2seq check` looks for in data: tables of small functions, of lines, pairs, splits and audio."""
