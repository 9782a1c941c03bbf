"""Users, roles, sessions, scope and the audit log."""
