"""One request from bytes to answer, and what it is assembled from."""
