"""What the demo model can and cannot do, on prompts and names that it was not trained on."""
