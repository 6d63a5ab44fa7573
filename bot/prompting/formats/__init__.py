"""One module per prompt format family."""
