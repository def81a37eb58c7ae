"""`vigia events`: trigger, explain, and look after what did not get its effects."""
