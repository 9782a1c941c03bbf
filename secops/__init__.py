"""Security operations for a municipality: ISMS and SIEM-lite in one program."""

import os

__version__ = "0.1.0"

# Pydantic would look through the entry points of every installed package for plugins: a tenth of a second of each
# start, and foreign code in the check of our settings.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
