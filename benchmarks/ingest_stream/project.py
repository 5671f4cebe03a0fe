"""The project and the place of a run: the contract of `benchmarks.ingest`, over a topic."""

from pathlib import Path

from benchmarks.ingest.whole import CONFIG


def write_project(folder: Path, servers: str, topic: str, *, beam: str = "", key: bool = False) -> Path:
    """A data-set file of orders, in a folder of its own, and `place.yaml` beside that; returns the first."""
    config = folder / "shop" / "orders.yaml"
    config.parent.mkdir(parents=True, exist_ok=True)
    lines = CONFIG.read_text().splitlines(keepends=True)
    source = f"source: {{format: jsonl, topic: {topic}}}\n"
    text = "".join(source if line.startswith("source:") else line for line in lines)
    config.write_text(text + ("key: [order_id]\n" if key else ""))
    (folder / "place.yaml").write_text(
        f"place: here\nroots: {{lake: {folder}/lake}}\nkafka: {{servers: '{servers}'}}\n{beam}"
    )
    return config
