"""The paper's study: ``python -m benchmarks.paper TABLE`` trains, evaluates and writes one table.

Every finished run (a configuration and a seed) is one row of ``results/small.csv`` or ``results/full.csv``: the two
scales never meet in a file or a table. Runs that have a row are not done again, and one that was interrupted goes on.
The tables on the page ``docs/paper.md`` are made from these files alone.
"""
