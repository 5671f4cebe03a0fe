"""The pure core of Headrace: what pipelines and jobs share. It knows neither Beam nor Spark."""

__version__ = "0.1.0"  # stands here, since the code also travels without what an installation knows of it
