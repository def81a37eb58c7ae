"""Records of facts: the ledger, large events, quarantine, dead letters and what became of them."""
