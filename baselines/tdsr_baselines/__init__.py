"""Methods of super-resolution that the benchmark is compared with, and how they are trained."""
