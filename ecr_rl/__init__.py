"""What people run: command line, configuration, labelling, training, evaluation and report."""

__version__ = "0.1.0"
