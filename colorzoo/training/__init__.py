"""Everything that needs Lightning: tasks, optimisers, callbacks, the training command line.

Kept apart from the models because importing Lightning takes longer than colouring a photograph.
"""
