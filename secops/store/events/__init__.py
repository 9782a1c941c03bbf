"""Event stores behind the port `secops.siem.ports.EventStore`."""
