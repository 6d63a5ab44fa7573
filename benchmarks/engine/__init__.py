"""How little of a prompt is evaluated again, and how fast the path is beside a bare client."""
