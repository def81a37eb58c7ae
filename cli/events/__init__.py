"""`vigia events`: publish and explain events; list, replay and dismiss undelivered ones."""
