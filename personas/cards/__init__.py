"""Character cards: one reader per container, and one per form of the card inside it."""
