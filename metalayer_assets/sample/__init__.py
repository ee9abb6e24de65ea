"""Write a deterministic, realistic landing and the truth of what a correct warehouse makes of it.

Nothing here knows PostgreSQL, Dagster or the contracts: the landing is what a source system would send, and the
truth is counted from what was invented, so that it can judge the warehouse instead of repeating it.
"""

from metalayer_assets.sample.landing import write_sample
from metalayer_assets.sample.options import PRESETS, SampleOptions
from metalayer_assets.sample.truth import DatasetTruth, FactTruth, SampleTruth

__all__ = ["PRESETS", "DatasetTruth", "FactTruth", "SampleOptions", "SampleTruth", "write_sample"]
