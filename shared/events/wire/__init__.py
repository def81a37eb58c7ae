"""Reading what is on the wire: envelopes, fields, strict JSON, and where an event comes from."""
