"""The `vigia` command."""
