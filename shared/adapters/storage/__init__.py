"""Azure Storage: blobs, queues, and the clock that all workers share."""
