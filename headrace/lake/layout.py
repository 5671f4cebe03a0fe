"""Where the tables of a project stand under a lake's root."""

from dataclasses import dataclass

from headrace import storage

MADE_BY = {
    **dict.fromkeys(("events", "quarantine", "accounts"), "ingest"),
    "settlements": "replay",
    "features": "features",
    "examples": "examples",
    "scores": "score",
}
"""Which step of `headrace` makes a table of this name."""


@dataclass(frozen=True)
class DataSetFolder:
    """The tables and plans of one data set."""

    lake: str
    project: str
    data_set: str

    @property
    def root(self) -> str:
        """The folder itself."""
        return storage.join(self.lake, self.project, self.data_set)

    @property
    def events(self) -> str:
        """Accepted rows."""
        return storage.join(self.root, "events")

    @property
    def quarantine(self) -> str:
        """Rows that broke the contract, with their raw bytes."""
        return storage.join(self.root, "quarantine")

    @property
    def accounts(self) -> str:
        """One row per plan."""
        return storage.join(self.root, "accounts")

    @property
    def committed(self) -> dict[str, str]:
        """The tables a plan writes, by name, in the order in which they are committed."""
        return {"quarantine": self.quarantine, "events": self.events}

    @property
    def settlements(self) -> str:
        """What became of quarantined rows that were checked again."""
        return storage.join(self.root, "settlements")

    @property
    def replays(self) -> str:
        """The sealed replays."""
        return storage.join(self.root, "replays")

    @property
    def plans(self) -> str:
        """The sealed plans."""
        return storage.join(self.root, "plans")


@dataclass(frozen=True)
class ModelFolder:
    """The tables of one model."""

    lake: str
    project: str
    model: str

    @property
    def root(self) -> str:
        """The folder itself."""
        return storage.join(self.lake, self.project, self.model)

    @property
    def features(self) -> str:
        """Due rows with their stored feature columns."""
        return storage.join(self.root, "features")

    @property
    def examples(self) -> str:
        """The frozen training set."""
        return storage.join(self.root, "examples")

    @property
    def scores(self) -> str:
        """What the live bundle says of each due row."""
        return storage.join(self.root, "scores")
