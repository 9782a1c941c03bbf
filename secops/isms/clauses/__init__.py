"""Clauses as values: editions of the national guideline, our own documents, the links between them. Pure."""
