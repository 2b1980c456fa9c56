"""The interventions: one file each, found through ``conf/interventions/<name>/``."""
