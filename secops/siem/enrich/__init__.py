"""Enrichers: columns in, columns out."""
