"""The gates: one file each, exporting a SPEC."""
