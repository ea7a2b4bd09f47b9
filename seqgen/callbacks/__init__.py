"""What follows a training run, as `--log-to NAME`: a module for each program that keeps or shows figures.

runs.py    what a run is called there, also when it goes on
"""
