"""Tools for people who work on Troupe; nothing here is needed to run it."""
