"""What the losses really do: one file an analysis, each from scenes to a table of every number, a summary, a figure."""
