"""Everything of Vigia that is not a trigger."""
