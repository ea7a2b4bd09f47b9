"""The bundled tokenizers.  They import the core only."""
