"""Where the rows of a look come from, and for how long they may be read."""
