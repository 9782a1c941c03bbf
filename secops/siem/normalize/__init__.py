"""Normalizers: one file per log format, journaled records in, frames out.

`reading` is the way in for records of any format, `windows_parts` the one that makes no frame. Nothing is imported
here: a hunt over Windows events starts without polars.
"""
