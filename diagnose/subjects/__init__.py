"""Who builds: the agent loop around a model, its prompts and its host functions."""
