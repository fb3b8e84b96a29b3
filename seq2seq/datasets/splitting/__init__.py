"""Holding out validation and test data of one corpus."""
