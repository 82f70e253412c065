"""What a study is: its plan, and what is known of each of its runs. Who runs it and who reports it share this."""
