"""From a raw record to a closed alert. Read `pipeline.py` first."""
