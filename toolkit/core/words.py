"""Numbers with their nouns."""


def counted(count: int, noun: str) -> str:
    """A number with its noun, which takes an s unless there is one: 1 face, 2 faces."""
    return f"{count} {noun}{'s' * (count != 1)}"
