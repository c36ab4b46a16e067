"""How to install what a part of the toolkit needs: no index has the toolkit, its clone does."""


def install(extra: str) -> str:
    """The command that brings an extra."""
    return f"in the toolkit's folder, pip install '.[{extra}]'"
