"""Getting models from the hub."""
