#!/bin/sh
# Submits one job to a Spark cluster, with OneCart and the jars it needs:
#   MASTER=spark://host:7077 deploy/spark-submit/submit.sh clean --env cluster --set lake.root=s3a://bucket/lake
# SPARK_SUBMIT: the spark-submit to use (default: the environment's own). ARGS: more spark-submit arguments.
# --gpu: conf/gpu.yaml on top, and the script that finds each executor's GPU (deploy/gpu/README.md).
# ARCHIVE: a packed Python environment for the executors (venv-pack -o env.tar.gz); else their Python needs the packages.
set -eu
here=$(cd -- "$(dirname -- "$0")/../.." && pwd -P)
python=${ONECART_PYTHON:-$here/.venv/bin/python}
job=${1:?usage: submit.sh JOB [--env E] [--set key=value]...}
shift
[ -f "$here/jobs/$job.py" ] || { echo "onecart: no job '$job' in $here/jobs" >&2; exit 2; }

dist=$(mktemp -d)
trap 'rm -rf "$dist"' EXIT
"$python" -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir "$dist" "$here"
mv "$dist"/onecart-*.whl "$dist/onecart.zip" # executors import a zip, not a wheel
gpu=
for option in "$@"; do [ "$option" = --gpu ] && gpu=$here/deploy/gpu/discover.sh; done
packages=$("$python" - "$job" "$@" <<'END'
import argparse, sys
from onecart import dag, jars, jobs
from onecart.config.arguments import load_settings, parse

def show():
    parser = argparse.ArgumentParser(prog="submit.sh JOB")
    settings = load_settings(parse(parser, sys.argv[2:]))
    nlp = settings.spark.nlp_packages or jars.NLP
    print(",".join([*jars.DELTA, *jars.connectors(settings.connectors), *(nlp if dag.JOBS[sys.argv[1]].nlp else ())]))
    return 0

sys.exit(jobs.guarded(show))
END
)
excludes=$("$python" -c "from onecart import jars; print(','.join(jars.NLP_EXCLUDES))")

set -- --master "${MASTER:-local[*]}" --packages "$packages" --exclude-packages "$excludes" --py-files "$dist/onecart.zip" \
    --conf spark.sql.extensions=io.delta.sql.DeltaSparkSessionExtension \
    --conf spark.sql.catalog.spark_catalog=org.apache.spark.sql.delta.catalog.DeltaCatalog \
    ${gpu:+--files "$gpu"} ${ARCHIVE:+--archives "$ARCHIVE#env" --conf spark.pyspark.python=./env/bin/python} ${ARGS-} "$here/jobs/$job.py" "$@"
if [ -z "${SPARK_SUBMIT-}" ]; then # the environment's own Spark, Java and Python
    SPARK_HOME=$("$python" -c "import os, pyspark; print(os.path.dirname(pyspark.__file__))")
    JAVA_HOME=$("$python" -c "from onecart import jars; print(jars.java_home())")
    export SPARK_HOME JAVA_HOME PYSPARK_DRIVER_PYTHON="$python" PYSPARK_PYTHON="${PYSPARK_PYTHON:-$python}"
fi
"${SPARK_SUBMIT:-$SPARK_HOME/bin/spark-submit}" "$@"
