"""The bundled datasets.  They import the core only."""
