"""Readers and makers of data sets."""
