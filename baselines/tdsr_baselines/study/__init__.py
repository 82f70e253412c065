"""Many trainings and scorings by one plan."""
