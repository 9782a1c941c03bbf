"""The journal: durable, hash-chained and signed; the source of truth for logs."""
