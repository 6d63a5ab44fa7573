"""Measurements: of speed, as ratios in one run, and of the model that ships."""
