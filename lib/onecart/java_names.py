"""Java's names, looked up once a process.

py4j asks the JVM at every use what a name is, and for one that pyspark imports (`functions`) the JVM tries each import in turn
through all jars of the class path: of each `F.col` that was the dearest part, of a small run a twelfth of the CPU time.
"""

from typing import Any

from py4j.java_gateway import JavaClass, JavaMember, JavaPackage

_IMPORTED = ("functions", "Column", "PythonSQLUtils", "PythonUtils", "SparkSession", "SparkSession$")  # used again and again
_ROOTS = ("java", "org", "scala")


def remember(jvm: Any) -> None:
    """From now on `jvm` (of a session: `spark._jvm`) knows the names of packages, classes and static methods it was asked for."""
    for name in (*_IMPORTED, *_ROOTS):
        if name not in vars(jvm):
            _keep(jvm, name, getattr(jvm, name))


class _Package(JavaPackage):  # type: ignore[misc]
    def __getattr__(self, name: str) -> Any:
        return _keep(self, name, super().__getattr__(name))


class _Class(JavaClass):  # type: ignore[misc]
    def __getattr__(self, name: str) -> Any:
        found = super().__getattr__(name)
        if isinstance(found, JavaMember):  # a method; the value of a field may change
            vars(self)[name] = found
        return found


def _keep(holder: Any, name: str, found: Any) -> Any:
    if isinstance(found, JavaClass):
        found = _Class(found._fqn, found._gateway_client)
    elif isinstance(found, JavaPackage) and name[:1].islower():  # a class whose jar comes later is a package until then
        found = _Package(found._fqn, found._gateway_client, found._jvm_id)
    else:
        return found
    vars(holder)[name] = found
    return found
