"""Collectors: put raw records with their origin durably into the journal, and only then acknowledge."""
