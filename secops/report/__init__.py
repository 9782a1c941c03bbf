"""Values in, files out: what people read outside of the console. Nothing is opened, looked up or decided here."""
