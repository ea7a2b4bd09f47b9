"""A search over options of training, within a time: trials of equal budget, losers stopped early, the best published.

space.py    what is searched: an option's choices or range
plan.py     what a sweep was told, on disk: sweeps/NAME/sweep.json
study.py    the trials so far, on disk: sweeps/NAME/journal.log, by Optuna
start.py    from what a person asks for to a sweep that runs
runner.py   goes from trial to trial
observer.py  who follows it
"""
