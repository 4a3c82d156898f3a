"""A broker of Kafka on the loopback, from its published jars: for demos, benches and tests."""

import os
import socket
import subprocess
import time
from pathlib import Path

from onecart import jars
from onecart.errors import OneCartError

_PACKAGES = ("org.apache.kafka:kafka_2.13:4.1.1",)
_CLUSTER = "MkU3OEVBNTcwNTJENDM2Qk"  # an id of 22 letters; one that was drawn may begin like an option
_SECONDS = 60  # that it has to answer


class Broker:
    """One broker with its controller; what it holds lies in `folder`. `start` again after `stop` goes on with the same topics."""

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
        self._settings, self._log = folder / "server.properties", folder / "broker.log"
        self._settings.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
        path = os.pathsep.join(map(str, jars.resolve(_PACKAGES, provided=())))
        small = ["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        self._java = [str(jars.java_home() / "bin" / "java"), *small, "-cp", path]
        format_ = ["kafka.tools.StorageTool", "format", "-t", _CLUSTER, "-c", str(self._settings)]
        with self._log.open("ab") as log:
            subprocess.run([*self._java, *format_], check=True, stdout=log, stderr=log)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Broker":
        """OneCartError: it does not answer."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen([*self._java, "kafka.Kafka", str(self._settings)], stdout=log, stderr=log)
        wait_for(self.port, self._process, self._log)
        return self

    def stop(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def wait_for(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Until somebody listens on the port. OneCartError: the process ended, or nobody does after a minute."""
    last = time.time() + _SECONDS
    while time.time() < last and process.poll() is None:
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise OneCartError(f"no server on port {port}; its log ends with: {log.read_text()[-2000:]}")
