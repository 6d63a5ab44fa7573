"""Makes the demo model: synthetic text, tokenizer, training, export and a check."""
