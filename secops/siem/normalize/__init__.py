"""Normalizers: one file per log format, journaled records in, frames out."""
