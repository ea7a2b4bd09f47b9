"""The PyTorch backend: trains and generates."""
