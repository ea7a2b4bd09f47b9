"""The bundled backends, one folder each: backend.py (what it offers), model.py (the network), weights.py (layouts)."""
