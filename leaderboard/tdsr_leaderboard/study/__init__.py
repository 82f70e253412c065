"""What a study found: its questions answered from its records, as Markdown, as a page and as figures."""
