"""The pages of the SIEM wing: alerts, events, sources."""
