"""The loop closed: an agent made from nothing, diagnosed, treated, and diagnosed again.

    .venv/bin/python -m benchmarks.loop run FOLDER [--size full] [--jobs 2]
    .venv/bin/python -m benchmarks.loop table FOLDER

The first needs the extra ``train``. Every step has a folder and is not repeated where that is
finished; the second reads the folders and writes what docs/loop.md shows.
"""
