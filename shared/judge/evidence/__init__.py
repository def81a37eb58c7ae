"""Evidence from measurements, interval by interval: e-processes and what they are made of."""
