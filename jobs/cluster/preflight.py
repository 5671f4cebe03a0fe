"""Everything that can be known to fail is said before a JVM starts, with its cure."""

from headrace.failures import PlaceFailure
from headrace.spec.place import Place
from jobs.cluster.executors import refuse_dynamic_allocation
from jobs.cluster.java import find_java
from jobs.cluster.master import is_local, local_slots
from jobs.cluster.session import delta_jars, master_of, submitted, submitted_conf

_URI = "://"


def preflight(place: Place, *, workers: int | None = None, delta: bool = False) -> None:
    """Nothing, when the place can run the job.

    Args:
        place: where it is to run.
        workers: of a barrier stage, which must all run at once.
        delta: whether the Delta jars are needed.

    Raises:
        PlaceFailure: Java, a jar, slots, a lake that all executors see, or a way to the store it stands on is lacking.
    """
    master = master_of(place.spark)
    if not submitted():
        find_java()
    if delta:
        delta_jars(place.spark)
    _lake_is_shared(place, master)
    _store_is_known(place)
    if workers is not None:
        _workers_fit(place, master, workers)


def _lake_is_shared(place: Place, master: str) -> None:
    roots = (place.roots.lake, place.roots.models)
    local = [root for root in roots if _URI not in root or root.startswith("file:")]
    if local and not is_local(master) and not place.spark.shared:
        raise PlaceFailure(
            f"{local[0]}: a folder of this machine, but Spark runs at {master}, whose executors would read and write "
            "folders of their own. Put the roots on storage that all of them reach; if this folder is a file system "
            "that every executor mounts at the same path, say `shared: true` under `spark` in the place file"
        )


def _store_is_known(place: Place) -> None:
    scheme, on_a_store, _ = place.roots.lake.partition(_URI)
    file_system = f"spark.hadoop.fs.{scheme}."
    told = {**place.spark.conf, **submitted_conf()}
    if on_a_store and scheme != "file" and not any(key.startswith(file_system) for key in told):
        raise PlaceFailure(
            f"{place.roots.lake}: Spark has no file system for {scheme}:// here; name its classes and jars under "
            f"`spark.conf` in the place file ({file_system}impl, spark.jars.packages), as conf/places/s3.yaml shows. "
            "Spark on an object store was not run by this project; ingest, replay and features need no Spark"
        )


def _workers_fit(place: Place, master: str, workers: int) -> None:
    told = {**place.spark.conf, **submitted_conf()}
    refuse_dynamic_allocation(told, workers)
    slots = local_slots(master)
    per_task = int(told.get("spark.task.cpus", "1"))
    if slots is not None and workers * per_task > slots:
        raise PlaceFailure(
            f"train.workers is {workers}, but {master} has {slots // per_task} slots and all workers of a barrier "
            f"stage run at once; lower train.workers in the model file (another number gives another model), or name "
            f"a master with more slots in the place file, as local[{workers * per_task}]"
        )
