"""Threads, parallel runs over images, shared random numbers, compilation and memory of a process."""
