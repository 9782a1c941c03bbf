"""Whom we protect: departments, people, devices, systems, zones and the register of flows."""
