"""Internal parts of training: input validation, data sources, optimizers and checkpoints."""
