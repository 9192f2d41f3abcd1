"""Closed integer intervals."""


def merge(intervals):
    """Return the union of (start, end) intervals as sorted, disjoint intervals.

    Intervals that touch, such as (1, 2) and (2, 4), become one.
    """
    merged = []
    for start, end in sorted(intervals):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    return merged
