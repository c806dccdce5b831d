"""Image files: pixels of 8 and 16 bits, metadata, colour profiles, atomic writes."""
