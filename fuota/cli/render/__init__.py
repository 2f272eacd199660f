"""Tables, progress and words that the command line prints."""
