"""The base classes of every method, and how it is optimised."""
