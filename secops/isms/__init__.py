"""The ISMS wing: from a clause to a released report."""
