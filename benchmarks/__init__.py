"""Measures Vigia beside a floor or a rival, in the same run: one file per benchmark, each exporting a SPEC."""
