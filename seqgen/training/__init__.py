"""Training, written once for all backends: options, schedule, loop, checkpoints, progress."""
