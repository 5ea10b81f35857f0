"""Reads /metrics as Prometheus' own library for Python does, in both forms, and compares them.

Usage: metrics_parse.py URL. The reader of OpenMetrics is strict: units, suffixes, order, buckets, the end."""

import sys

import requests
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_open
from prometheus_client.parser import text_string_to_metric_families as read_classic

url = sys.argv[1]

classic = requests.get(url, timeout=10)
assert classic.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8", classic.headers
prometheus = "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
open_metrics = requests.get(url, headers={"Accept": prometheus}, timeout=10)
kind = open_metrics.headers["content-type"]
assert kind == "application/openmetrics-text; version=1.0.0; charset=utf-8", kind
assert open_metrics.text.endswith("# EOF\n")

one = {family.name: family for family in read_classic(classic.text)}
other = {family.name: family for family in read_open(open_metrics.text)}
names = set(one) - {"symbolon_build_info"}
assert names == set(other) - {"symbolon_build"}, names ^ set(other)

for name in names:
    assert one[name].type == other[name].type, (name, one[name].type, other[name].type)
    assert one[name].documentation and one[name].documentation == other[name].documentation, name
    series = lambda family: {(sample.name, tuple(sorted(sample.labels.items()))) for sample in family.samples}
    # A request may come in between; only a pair of endpoint and status is there from its first request on.
    missing = series(one[name]) - series(other[name])
    assert not missing, (name, missing)

tokens = sum(sample.value for sample in one["symbolon_tokens_issued"].samples)
assert one["symbolon_request_duration_seconds"].type == "histogram"
assert other["symbolon_directory_age_seconds"].unit == "seconds"
print(f"ok {len(names)} families, {tokens:.0f} tokens")
