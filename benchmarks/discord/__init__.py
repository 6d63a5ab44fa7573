"""What showing replies in Discord costs: how late edits are, and how much the processor does."""
