"""Attention mechanisms, one a file; ``mechanism.AttentionMechanism`` says what one is."""
