"""Lists files on any file system that Spark reaches."""

from pyspark.sql import SparkSession

from onecart.lake.files import hadoop


def list_files(spark: SparkSession, folder: str) -> list[str]:
    """All files below `folder`, sorted; hidden ones (`_`, `.`) and empty ones left out. No folder: an empty list."""
    fs, path = hadoop(spark, folder)
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
