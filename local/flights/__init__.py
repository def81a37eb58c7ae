"""What a user of Vigia brings along: the data, the training and the scoring code of a flight-delay model."""
