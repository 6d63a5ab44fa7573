"""Personas: read from character cards, kept in a library. Knows nothing of Discord or storage."""
