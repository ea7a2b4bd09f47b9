"""An n-gram model beside the network: counted in seconds, and mixed with it token by token."""
