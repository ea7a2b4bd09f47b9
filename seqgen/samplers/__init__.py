"""The bundled samplers, one file each; ``arrays`` holds what they share."""
