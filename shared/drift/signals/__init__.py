"""The signals of a monitor: one file each, and what their references are."""
