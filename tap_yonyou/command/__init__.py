"""People and pipes: configuration, catalog, state, stdout, signals."""
