"""The console: FastAPI pages and JSON API; no logic."""
