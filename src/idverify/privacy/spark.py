"""Apache Spark for relational queries: on this machine, or on a cluster by its URL (Spark 4, Java 17 or newer).

Spark is a Java process that is started here and ends here. All that it writes lies in one temporary folder, Java's own
files included, so that it works where the kernel lets an attack write nowhere else (`guard`). It listens on loopback
alone; for a cluster elsewhere, on the one address of this machine from which the master was reached.
"""

# pyright: reportMissingImports=false, reportOptionalMemberAccess=false, reportOptionalCall=false
# (pyspark is an extra; and what comes from Java is of any type.)

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Timer
from time import monotonic, sleep
from typing import TYPE_CHECKING

from idverify.errors import BadEnvironment, BadUsage
from idverify.settings import for_children, of_others

if TYPE_CHECKING:
    from ibis.backends.pyspark import Backend
    from py4j.java_gateway import JavaGateway
    from pyspark import SparkContext

LEAST_JAVA = 17
LOOPBACK = "127.0.0.1"
LOCAL = "local[*]"
MEMORY = "2g"
"""Of Java on this machine: all of Spark's in local mode, and what holds the results in any."""
SHUFFLES = 8
"""Partitions of a join in local mode; a cluster's own default is better there."""
ANSWERS, STARTS, WORKS = 5.0, 90.0, 60.0
"""Seconds for a master to be reached, for Spark to start, and for a worker of a cluster to take the job."""
LOG = "java.log"
_URL = re.compile(r"spark://[^\s,/:]+:\d{1,5}(,[^\s,/:]+:\d{1,5})*")
_LOCAL = re.compile(r"local(\[(\d+|\*)\])?")


def is_master(name: str) -> bool:
    """Whether it is written as the URL of a Spark master is: spark://HOST:PORT, or local[2] for this machine."""
    return bool(_URL.fullmatch(name) or _LOCAL.fullmatch(name))


def missing() -> str:
    """What this machine lacks for Spark, and how to get it; empty where it is ready."""
    if lacking := missing_java():
        return lacking
    return "" if find_spec("pyspark") else "pyspark is not installed: pip install 'idverify[spark]'"


def missing_java() -> str:
    """The same of Java alone."""
    java = _java()
    if java is None:
        return "there is no Java: apt install openjdk-17-jre-headless, or set JAVA_HOME"
    found = _version(java)
    if found >= LEAST_JAVA:
        return ""
    what = f"is version {found}" if found else "does not run"
    return f"{java} {what}: Spark needs Java {LEAST_JAVA} or newer, as openjdk-17-jre-headless"


def java_home() -> Path | None:
    """The folder that Java and its libraries are in; None where there is no Java."""
    java = _java()
    return Path(java).resolve().parent.parent if java else None


@contextmanager
def spark(master: str) -> Iterator[Backend]:
    """Spark at a master's URL for the time of the block. Raises BadUsage and BadEnvironment, within two minutes."""
    if not is_master(master):
        raise BadUsage(f"{master!r} is no Spark master", hint="write spark://HOST:PORT, or spark for this machine")
    if lacking := missing():
        raise BadEnvironment("Spark cannot be used here", hint=lacking)
    address = LOOPBACK if master.startswith("local") else _reached(master)
    with warnings.catch_warnings():
        # What pyspark, pandas and Ibis say of each other's versions is of no use to anybody here.
        warnings.simplefilter("ignore")
        import ibis
        from py4j.protocol import Py4JError
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession

        with (
            TemporaryDirectory(prefix="idverify-spark-", ignore_cleanup_errors=True) as place,
            _started(master, Path(place), address) as context,
        ):
            try:
                if not master.startswith("local"):
                    _await_worker(context, master)
                yield ibis.pyspark.connect(SparkSession(context))
            except (Py4JError, PySparkException, ConnectionError) as error:
                raise BadEnvironment(f"Spark gave up: {_cause(Path(place) / LOG) or _first_line(error)}") from error


def _settings(place: Path, address: str, *, local: bool) -> Mapping[str, str]:
    java = f"-Djava.io.tmpdir={place} -Dderby.system.home={place} -XX:-UsePerfData"
    found = {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "ERROR",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.catalogImplementation": "in-memory",
        "spark.sql.adaptive.coalescePartitions.parallelismFirst": "false",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        "spark.sql.warehouse.dir": f"{place}/warehouse",
        "spark.local.dir": str(place),
        "spark.driver.extraJavaOptions": java,
        "spark.driver.memory": MEMORY,
        "spark.driver.host": address,
        "spark.driver.bindAddress": address,
    }
    return found | ({"spark.sql.shuffle.partitions": str(SHUFFLES)} if local else {})


@contextmanager
def _started(master: str, place: Path, address: str) -> Iterator[SparkContext]:
    """A Java process with Spark in it, which ends with the block."""
    from pyspark import SparkConf, SparkContext
    from pyspark.java_gateway import launch_gateway

    # Java looks this machine's own name up before it listens to a setting.
    for_children("SPARK_LOCAL_IP", address)
    conf = SparkConf(loadDefaults=False).setMaster(master).setAppName("idverify")
    for name, value in _settings(place, address, local=master.startswith("local")).items():
        conf.set(name, value)
    said = place / LOG
    gateway: JavaGateway | None = None
    context: SparkContext | None = None
    with said.open("w") as log:
        try:
            try:
                gateway = launch_gateway(conf, popen_kwargs={"stdout": log, "stderr": log})
                late = Timer(STARTS, gateway.proc.kill)
                late.start()
                try:
                    context = SparkContext(conf=conf, gateway=gateway)
                finally:
                    late.cancel()
            except Exception as error:  # the gateway raises whatever Java had to say
                raise BadEnvironment(
                    f"Spark does not start at {master}: {_cause(said) or _first_line(error)}"
                ) from error
            yield context
        finally:
            if gateway is not None:
                _end(gateway, context)
            SparkContext._gateway = SparkContext._jvm = None


def _end(gateway: JavaGateway, context: SparkContext | None) -> None:
    if context is not None:
        with suppress(Exception):  # of a Java process that may be gone
            context.stop()
    with suppress(Exception):
        gateway.shutdown()
    gateway.proc.stdin.close()
    try:
        gateway.proc.wait(ANSWERS)
    except subprocess.TimeoutExpired:
        gateway.proc.kill()
        gateway.proc.wait()


def _reached(master: str) -> str:
    """The address of this machine from which a master of the cluster can be reached (IPv4)."""
    places = master.removeprefix("spark://").split(",")
    for place in places:
        host, _, port = place.rpartition(":")
        with suppress(OSError, OverflowError), socket.socket() as probe:
            probe.settimeout(ANSWERS)
            probe.connect((host, int(port)))
            return str(probe.getsockname()[0])
    raise BadEnvironment(
        f"no Spark master answers at {' or '.join(places)}",
        hint="start the cluster, or take this machine: --engine spark",
    )


def _await_worker(context: SparkContext, master: str) -> None:
    """Spark itself would wait for ever."""
    until = monotonic() + WORKS
    while monotonic() < until:
        inner = context._jsc.sc()
        if inner.isStopped():
            raise BadEnvironment(f"what answers at {master} is no Spark master", hint="is it another Spark version?")
        if inner.getExecutorMemoryStatus().size() > 1:  # the driver is one of them
            return
        sleep(0.25)
    raise BadEnvironment(
        f"the cluster at {master} has no worker free in {WORKS:g} s", hint="start a worker, or end what keeps them busy"
    )


def _java() -> str | None:
    home = of_others("JAVA_HOME")
    return shutil.which(f"{home}/bin/java") if home else shutil.which("java")


def _version(java: str) -> int:
    """The first number of a Java's version, 0 where it does not say."""
    try:
        done = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return 0
    found = re.search(r'version "(?:1\.)?(\d+)', done.stderr + done.stdout)
    return int(found.group(1)) if found else 0


def _cause(log: Path) -> str:
    """The last thing that Java complained of before it gave up."""
    lines = log.read_text(errors="replace").splitlines()
    complaints = [line for line in lines if re.match(r"(Exception in thread|Caused by|Error|.* ERROR )", line)]
    return complaints[-1][:200] if complaints else ""


def _first_line(error: BaseException) -> str:
    try:
        said = str(error)
    except Exception:  # what Java knows of it went with Java
        said = ""
    return next((line for line in said.splitlines() if line.strip()), type(error).__name__)[:200]
