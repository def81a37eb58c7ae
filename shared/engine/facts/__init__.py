"""From a fact to its effects: what events, polls, schedules and alerts set in motion."""
