"""Security operations for a municipality: ISMS and SIEM-lite in one program."""

__version__ = "0.1.0"
