"""Prompts by SillyTavern's preset pairs: any preset of that community, from a folder of files."""
