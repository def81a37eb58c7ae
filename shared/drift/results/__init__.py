"""What a run of a monitor found: its rules, its signals, and the report put together."""
