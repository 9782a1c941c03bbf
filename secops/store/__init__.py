"""Adapters: what keeps events and records."""
