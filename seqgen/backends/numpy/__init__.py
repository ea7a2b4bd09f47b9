"""The NumPy backend: generates and evaluates with no framework to load."""
