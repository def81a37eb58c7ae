"""What Vigia remembers, over blobs: ledger, releases, endpoints, models, approvals, monitors, outbox."""
