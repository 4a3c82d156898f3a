"""Files beside the tables, on any file system that Spark reaches."""

from typing import Any

from pyspark.sql import SparkSession


def hadoop(spark: SparkSession, path: str) -> tuple[Any, Any]:
    """Hadoop's file system that holds `path`, and its Path object: both of the JVM."""
    jvm: Any = spark.sparkContext._jvm
    there = jvm.org.apache.hadoop.fs.Path(path)
    return there.getFileSystem(spark.sparkContext._jsc.hadoopConfiguration()), there
