"""Chapter 9: the frontier, and the decision."""

import course


def frontier(models):
    """The names of the models that no other beats."""
    kept, lowest = [], float("inf")
    for name, (_, error) in sorted(models.items(), key=lambda item: item[1]):
        if error < lowest:
            kept.append(name)
            lowest = error
    return kept


fits = [row for row in course.shipped() if row["ms"] <= course.LIMIT_MS and row["mb"] <= course.LIMIT_MB]
choice = min(fits, key=lambda row: row["nme"])["name"]
