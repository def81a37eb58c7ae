"""What holds only on average: many simulated runs; few of them per commit, all with --long."""
