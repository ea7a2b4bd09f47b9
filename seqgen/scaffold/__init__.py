"""Writes new plugins: packages that install, pass their own tests and do something real, to be changed from there."""
