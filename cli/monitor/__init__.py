"""`vigia monitor`: look at data, show reports, calibrate."""
