"""Chapter 4: what is left when roads are closed."""


def left(edges, off):
    """Of all roads, those on a way from the first to the last stage when the roads in `off` are closed."""
    last = max(stage for stage, _, _ in edges)
    kept = {edge for edge in edges if edge not in off}
    while True:
        fed = {(1, 0)} | {(stage, to) for stage, _, to in kept}
        read = {(stage - 1, source) for stage, source, _ in kept} | {(last, to) for _, _, to in kept}
        alive = {e for e in kept if (e[0] - 1, e[1]) in fed and (e[0], e[2]) in read}
        if alive == kept:
            return kept
        kept = alive
