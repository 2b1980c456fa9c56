"""From episodes to estimates: load, catalogue of estimands, uncertainty, tables, figures.

``analysis.study.Study.load(path).estimates(target="new")`` is the way in; others' tables of the
same columns go in the same way. Nothing here needs a model client, the simulator or Hydra.
"""
