"""Troupe: people play scenes with personas in Discord, on a model of the host's own."""
