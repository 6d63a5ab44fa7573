"""How much memory a model needs, by its file's header, and how much of it fits into GPUs."""
