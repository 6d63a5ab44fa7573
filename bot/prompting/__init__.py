"""From persona, turns and budget to the exact text a model reads."""
