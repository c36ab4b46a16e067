"""What each ingredient gives: the same training with and without it, over seeds, one record a run.

Networks are compared on the validation faces; test faces are scored once, for the record, and choose nothing.
"""
