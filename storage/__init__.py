"""What Troupe keeps on disk: scenes, turns and their alternatives, in one SQLite file."""
