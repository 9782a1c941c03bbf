"""Hits become alerts: keys, severity, states."""
