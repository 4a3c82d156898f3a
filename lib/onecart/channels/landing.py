"""Lists files on any file system that Spark reaches."""

from typing import Any

from pyspark.sql import SparkSession


def list_files(spark: SparkSession, folder: str) -> list[str]:
    """All files below `folder`, sorted; hidden ones (`_`, `.`) and empty ones left out. No folder: an empty list."""
    jvm: Any = spark.sparkContext._jvm
    path = jvm.org.apache.hadoop.fs.Path(folder)
    fs = path.getFileSystem(spark.sparkContext._jsc.hadoopConfiguration())
    if not fs.exists(path):
        return []
    files = []
    walk = fs.listFiles(path, True)
    while walk.hasNext():
        status = walk.next()
        name = status.getPath().toString()
        hidden = any(
            part[:1] in "_." for part in name.removeprefix(fs.makeQualified(path).toString()).split("/") if part
        )
        if status.getLen() > 0 and not hidden:
            files.append(name)
    return sorted(files)
