"""Statistics that several rooms need: resampling, calibration, false discoveries. numpy and Spark, no tables."""
