"""What runs the collectors and keeps what they remember: the runner, worker threads, files."""
