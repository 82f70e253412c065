"""The harness that trains networks of super-resolution: what they are shown, what is minimised, what is kept."""
