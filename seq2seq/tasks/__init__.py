"""What a user trains: for each task, what an example is, what is lost and what is measured."""
