"""`vigia status`: the state of the models, and what needs a person."""
