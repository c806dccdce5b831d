"""Films: decoded, changed frame by frame, encoded again. Needs PyAV."""
