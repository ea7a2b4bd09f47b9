"""Handing models on: as one file, in a team's folder at any URL, on the Hugging Face Hub.

formats.py    what `models export` writes: each form is a line there, and a module
importing.py  what `models import` reads: the same
archive.py folder.py    our own forms: a zip of the model folder, and the folder
exchange.py   `push` and `pull`: what a person names, to where it goes
remote.py     a team's registry at a URL that fsspec knows
hub.py        the Hugging Face Hub
place.py      what of fsspec is used, with failures as sentences
download.py   a model folder from such a place, going on where it broke off
arrival.py    a model that comes from elsewhere: held against its manifest, then a version of the registry
"""
