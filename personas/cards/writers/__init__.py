"""Cards written again: one module per container, losing nothing."""
