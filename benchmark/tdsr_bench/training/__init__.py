"""How task networks are trained: on references, and on enlarged frames, of the training split."""
