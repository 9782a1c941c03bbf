"""The records database: hits, alerts, users, registers; SQLite or PostgreSQL by URL."""
