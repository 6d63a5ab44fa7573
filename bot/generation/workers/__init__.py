"""Processes that hold a model, and the supervisor that keeps one alive."""
