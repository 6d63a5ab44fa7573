"""The numbered migration scripts; they are read as data, see `storage.migrations`."""
