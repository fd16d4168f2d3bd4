"""The benchmark: tap-yonyou, a floor below it, and its peers, on one machine in one go.

`python -m bench` measures and writes `docs/benchmark.{json,md,svg}`; it is not part of the tap.
"""
