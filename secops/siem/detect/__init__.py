"""Sigma: rulebook, compile, match. The only room that imports `sigma`."""
