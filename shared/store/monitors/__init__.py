"""Records of monitors: runs, reports, profiles and references."""
