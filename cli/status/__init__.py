"""`vigia status`: how the models are, and whether somebody is needed."""
