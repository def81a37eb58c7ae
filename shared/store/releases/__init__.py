"""Records of releases: their endpoints, models, batch runs and approvals."""
