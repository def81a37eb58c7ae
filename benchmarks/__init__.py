"""Measures Vigia beside a floor or a rival, in the same run: a room per subject, a file with a SPEC per benchmark."""
