"""Generation: the chain of samplers, the draw, and the loop around the model.  Imports the core only."""
