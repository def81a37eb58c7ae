"""Azure ML: the workspace, its jobs, endpoints and batch endpoints, through its own SDK."""
