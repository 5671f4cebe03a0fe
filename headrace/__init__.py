"""The pure core of Headrace: what pipelines and jobs share. It knows neither Beam nor Spark."""
