"""The Discord edge: events and commands in, messages out."""
