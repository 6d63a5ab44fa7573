"""Scenes: what is said is stored, answered one reply at a time, and shown on a stage."""
