"""The policy half of the wing: versions, comparison, gap, impact, review calendar, exceptions. Pure."""
