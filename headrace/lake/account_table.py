"""The accounts table: derived from the events table's commits, and caught up from them."""

from itertools import takewhile

from headrace.fault_points import reached
from headrace.lake.accounts import ACCOUNTS, Account, accounts_in, rows_of
from headrace.lake.commit import Token, commit_once, newest_infos, stored_token
from headrace.lake.data_files import write_small
from headrace.lake.layout import DataSetFolder
from headrace.lake.reading import read_file
from headrace.lake.snapshot import open_snapshot
from headrace.lake.tables import create_table, is_table, open_table


def catch_up(folder: DataSetFolder) -> None:
    """Write the accounts that the events table's commits hold and the accounts table lacks.

    Run twice it writes once: the token is the newest plan's number.
    """
    table_id = create_table(folder.accounts, ACCOUNTS)
    app = f"{folder.data_set}/accounts/{table_id}/{open_table(folder.events).metadata().id}"
    stored = stored_token(folder.accounts, app)
    accounts = (Account(**info["account"]) for info in newest_infos(folder.events) if "account" in info)
    missing = list(takewhile(lambda account: account.plan > (stored or 0), accounts))
    if missing:
        adds = write_small(folder.accounts, rows_of(missing))
        token = Token(app, max(a.plan for a in missing), stored)
        commit_once(folder.accounts, [token], adds, info={"derived_from": "events"})
        reached("accounted")


def read_accounts(folder: DataSetFolder) -> list[Account]:
    """All accounts of a data set, in the order of plans; none where nothing was ingested."""
    if not is_table(folder.accounts):
        return []
    files = open_snapshot(folder.accounts).files
    found = [account for f in files for account in accounts_in(read_file(f.path, ACCOUNTS))]
    return sorted(found, key=lambda a: a.plan)
