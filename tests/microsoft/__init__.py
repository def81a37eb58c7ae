"""Microsoft's own live tests, run against the emulators: see CONTRIBUTING.md."""
