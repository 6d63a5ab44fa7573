"""Text in, text out: engines, their workers, and who is served next."""
