"""The Numba backend: generates and evaluates with weights of 8 bits, compiled for the processor it runs on."""
