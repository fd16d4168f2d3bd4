"""Talking to U8: knows nothing of Singer, of settings, of state."""
