"""One module per kind of engine; they do not know each other."""
