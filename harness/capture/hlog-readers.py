"""Reads a histogram log with the Python port of HdrHistogram and adds up each tag.

Prints {"<tag>": {"total", "min", "max", "percentiles": {"50": …}, "counts": [[index, count], …]}}.
"""
import json
import sys

from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

lowest, highest, digits = 1, 60_000_000_000, 3
totals = {}
reader = HistogramLogReader(sys.argv[1], HdrHistogram(lowest, highest, digits))
while (interval := reader.get_next_interval_histogram()) is not None:
    tag = interval.get_tag()
    if tag not in totals:
        totals[tag] = HdrHistogram(lowest, highest, digits)
    totals[tag].add(interval)


def figures(h):
    counts = ((i, h.get_count_at_index(i)) for i in range(h.counts_len))
    return {
        "total": h.get_total_count(),
        "min": h.get_min_value(),
        "max": h.get_max_value(),
        "percentiles": {p: h.get_value_at_percentile(float(p)) for p in sys.argv[2:]},
        "counts": [entry for entry in counts if entry[1] > 0],
    }


json.dump({tag: figures(h) for tag, h in totals.items()}, sys.stdout)
