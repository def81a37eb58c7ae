"""Production code with one safety property broken each; the simulator has to notice every one of them."""
