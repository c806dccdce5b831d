"""One file a method. The file's name is the model's name in the zoo."""
