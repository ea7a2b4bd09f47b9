"""An n-gram model beside the network: counted in seconds, and mixed with it token by token."""

MAX_ORDER = 12
"""The length of the longest n-grams there are."""
