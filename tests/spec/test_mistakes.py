"""The catalogue of mistakes: each is answered by file, line and key, with what is allowed or meant.

Every case breaks one thing in the shop's files and lists *all* faults that follow: what hangs on
the broken part says nothing, so one mistake is one message wherever that can be.
"""
# ruff: noqa: E501  # messages stand in one line, as they are printed

import pytest

from headrace.spec.faults import SpecError
from headrace.spec.project import load_project

ORDERS = [
    (
        "contract:",
        "contrct:",
        [
            "orders.yaml:10: contrct: no such key; did you mean contract?",
        ],
    ),
    (
        "required: true, min: 1",
        "requird: true",
        [
            "orders.yaml:12: contract.columns.order_id.requird: no such key; did you mean required?",
        ],
    ),
    (
        "type: int, req",
        "type: integer, req",
        [
            "orders.yaml:12: contract.columns.order_id.type: unknown type 'integer'; did you mean int?",
        ],
    ),
    (
        "'decimal(9,3)'",
        "decimal(9,3)",
        [
            "orders.yaml:16: contract.columns.weight.type: was cut at its comma; quote an expression or type that contains commas: 'decimal(9, 3)'",
        ],
    ),
    (
        "'decimal(9,3)'",
        "'decimal(40,3)'",
        [
            "orders.yaml:16: contract.columns.weight.type: decimal(40,3): precision must be 1..38 and scale at most the precision",
        ],
    ),
    (
        "upper(trim(customer))",
        "upper(trim(custmer))",
        [
            "orders.yaml:4: clean.customer: position 12: no column custmer; did you mean customer?",
        ],
    ),
    (
        "upper(trim(customer))",
        "upper(trim(promised))",
        [
            "orders.yaml:4: clean.customer: position 12: trim(text): found int promised where a text is needed",
        ],
    ),
    (
        "upper(trim(customer))",
        "length(customer)",
        [
            "orders.yaml:4: clean.customer: the column is a string; this is an int",
        ],
    ),
    (
        "  customer: upper",
        "  custmer: upper",
        [
            "orders.yaml:4: clean.custmer: custmer is not a column of orders; did you mean customer?",
        ],
    ),
    (
        "placed + days(promised)",
        "placed + dayz(promised)",
        [
            "orders.yaml:7: derive.due: position 10: no function dayz; did you mean days?",
        ],
    ),
    (
        "placed + days(promised)",
        "placed - placed",
        [
            "orders.yaml:7: derive.due: no column can hold this; it is a duration; divide it by minutes(1) for a number",
        ],
    ),
    (
        "placed + days(promised)",
        "null",
        [
            "orders.yaml:7: derive.due: no column can hold this; it is always null",
        ],
    ),
    (
        "  due:",
        "  placed:",
        [
            "orders.yaml:7: derive.placed: placed is declared in contract.columns; `clean` changes a column, `derive` adds one",
            "orders.yaml:22: known.placing.columns: due is not a column of orders; known: channel, customer, order_id, placed, promised, weight",
        ],
    ),
    (
        "  due:",
        "  _due:",
        [
            "orders.yaml:7: derive._due: '_due' is no name; a name is a letter, then letters, digits and _, 63 at most",
        ],
    ),
    (
        "  due:",
        "  Placed:",
        [
            "orders.yaml:7: derive.Placed: differs from placed only by capitals; rename one",
            "orders.yaml:22: known.placing.columns: due is not a column of orders; known: Placed, channel, customer, order_id, placed, promised, weight",
        ],
    ),
    (
        "  due:",
        "  d__ue:",
        [
            "orders.yaml:7: derive.d__ue: names with __ are those of joined columns; choose another",
            "orders.yaml:22: known.placing.columns: due is not a column of orders; did you mean d.ue?",
        ],
    ),
    (
        "key: [order_id]",
        "key: [order]",
        [
            "orders.yaml:8: key: order is not a column of orders; did you mean order_id?",
        ],
    ),
    (
        "time: placed",
        "time: weight",
        [
            "orders.yaml:9: time: a timestamp column is needed; weight is a decimal(9,3)",
        ],
    ),
    (
        "weight > 30 or",
        "weight + 30 or",
        [
            "orders.yaml:19: contract.rules.light_is_fast: position 1: or takes conditions, true or false; found double weight + 30: compare it with something",
        ],
    ),
    (
        "weight > 30 or promised < 20",
        "weight + 30",
        [
            "orders.yaml:19: contract.rules.light_is_fast: a rule is true or false; this is a double, compare it with something",
        ],
    ),
    (
        "min: 0, max: 90",
        "min: 90, max: 0",
        [
            "orders.yaml:15: contract.columns.promised.min: 90 is more than max, 0: no value could pass",
        ],
    ),
    (
        "min: 0, max: 90",
        "min: 1.5, max: 2013-02-30",
        [
            "orders.yaml:15: contract.columns.promised.max: '2013-02-30' is no whole number",
            "orders.yaml:15: contract.columns.promised.min: '1.5' is no whole number",
        ],
    ),
    (
        "min: 2020-01-01",
        "min: 2020-13-01",
        [
            "orders.yaml:14: contract.columns.placed.min: '2020-13-01' is no date or time; write 2013-10-01 or 2013-10-01T06:30:00Z (UTC without an offset)",
        ],
    ),
    (
        "weight: {type: 'decimal(9,3)', min: 0}",
        "weight: {type: 'decimal(9,3)', min: 0.0001, format: '%Y', regex: x}",
        [
            "orders.yaml:16: contract.columns.weight.format: is for date and timestamp; the column is a decimal(9,3)",
            "orders.yaml:16: contract.columns.weight.min: '0.0001' does not fit decimal(9,3)",
            "orders.yaml:16: contract.columns.weight.regex: is for strings; the column is a decimal(9,3)",
        ],
    ),
    (
        "in: [web, shop]",
        "in: []",
        [
            "orders.yaml:17: contract.columns.channel.in: is empty; at least one is needed",
        ],
    ),
    (
        "in: [web, shop]",
        "min: a",
        [
            "orders.yaml:17: contract.columns.channel.min: is for numbers and times; the column is a string",
        ],
    ),
    (
        "'^C[0-9]+$'",
        "'^C[0-9+$'",
        [
            "orders.yaml:13: contract.columns.customer.regex: is no RE2 pattern: missing ]: [0-9+$",
        ],
    ),
    (
        "'^C[0-9]+$'",
        "^C[0-9]+$",
        [
            "orders.yaml:13: not valid YAML: expected ',' or '}', but got '[' (the bracket opens in line 13); quote an expression or pattern that contains commas, quotes or brackets",
        ],
    ),
    (
        "placed: {type: timestamp, required: true,",
        "placed: {type: timestamp, format: '%d.%m.%Y', required: true,",
        [
            "orders.yaml:14: contract.columns.placed.format: the format has no offset, %z; name the zone in which the times are",
        ],
    ),
    (
        "placed: {type: timestamp, required: true,",
        "placed: {type: timestamp, format: '%d.%m.%Y %Q', zone: Europe/Vienna, required: true,",
        [
            "orders.yaml:14: contract.columns.placed.format: the format has %Q; there are %Y %y %m %d %H %I %M %S %f %b %B %p %z %%",
        ],
    ),
    (
        "placed: {type: timestamp, required: true,",
        "placed: {type: timestamp, zone: Europe/Wien, required: true,",
        [
            "orders.yaml:14: contract.columns.placed.zone: there is no time zone Europe/Wien; did you mean Europe/Vienna?",
        ],
    ),
    (
        "placed: {type: timestamp, required: true,",
        "placed: {type: timestamp, epoch: ms, format: '%s', zone: UTC, required: true,",
        [
            "orders.yaml:14: contract.columns.placed.format: a number since 1970 (epoch) has none; choose one",
            "orders.yaml:14: contract.columns.placed.zone: a number since 1970 (epoch) has none; choose one",
        ],
    ),
    (
        "customer: {type: string,",
        "customer: {type: string, path: a.b,",
        [
            "orders.yaml:13: contract.columns.customer.path: is for jsonl, and the format is csv; source.rename maps names",
        ],
    ),
    (
        "placed, columns",
        "plced, columns",
        [
            "orders.yaml:22: known.placing.at: position 1: no column plced; did you mean placed?",
        ],
    ),
    (
        "placed, columns",
        "promised, columns",
        [
            "orders.yaml:22: known.placing.at: a timestamp is needed; this is an int",
        ],
    ),
    (
        "weight, channel, due]",
        "weight, channel, due, foo]}\n  later: {at: due, columns: [weight]",
        [
            "orders.yaml:22: known.placing.columns: foo is not a column of orders; known: channel, customer, due, order_id, placed, promised, weight",
            "orders.yaml:23: known.later.columns: weight is in the group placing too; it becomes known once",
        ],
    ),
    (
        "channel: {type",
        "Weight: {type: int}\n    channel: {type",
        [
            "orders.yaml:17: contract.columns.Weight: differs from weight only by capitals; rename one",
        ],
    ),
    (
        "channel: {type",
        "a__b: {type: int}\n    channel: {type",
        [
            "orders.yaml:17: contract.columns.a__b: names with __ are those of joined columns; choose another",
        ],
    ),
    (
        "format: csv",
        "format: csv, delimiter: ',', quote: ',', decimal: ','",
        [
            "orders.yaml:2: source.decimal: is the delimiter too; the two must differ; files with a decimal comma are mostly delimited by a semicolon",
            "orders.yaml:2: source.quote: is the delimiter too; the two must differ",
        ],
    ),
    (
        "format: csv",
        "format: csv, quote: '', multiline: true",
        ["orders.yaml:2: source.multiline: is about quoted cells, and quote is empty; choose one"],
    ),
    (
        "format: csv",
        "format: csv, folders: [custmer, channel], rename: {ch: channel}",
        [
            "orders.yaml:2: source.folders: custmer is not declared in contract.columns; did you mean customer?",
            "orders.yaml:2: source.rename.ch: channel is a folder (source.folders); ignore ch, or rename it else",
        ],
    ),
    (
        "format: csv",
        'format: csv, delimiter: "\\n", quote: §',
        [
            "orders.yaml:2: source.delimiter: '\\n' cannot stand here; write one ASCII character, no line end",
            "orders.yaml:2: source.quote: '§' cannot stand here; write one ASCII character, no line end",
        ],
    ),
    (
        "format: csv",
        "format: csv, rename: {a: custmer, b: weight, c: weight, note: channel}, ignore: [note, placed]",
        [
            "orders.yaml:2: source.ignore: placed is ignored, and declared in contract.columns; choose one",
            "orders.yaml:2: source.rename: 2 names become weight; a column has one",
            "orders.yaml:2: source.rename.a: custmer is not declared in contract.columns; did you mean customer?",
            "orders.yaml:2: source.rename.note: note is renamed and ignored; choose one",
        ],
    ),
    (
        "format: csv",
        "format: csv, header: [order_id, customer, placed, promised, weight, chanel, weight]",
        [
            "orders.yaml:2: source.header: weight stands twice; name each column once",
        ],
    ),
    (
        "key: [order_id]",
        "key: [order_id, order_id]",
        [
            "orders.yaml:8: key: order_id stands twice; name each column once",
        ],
    ),
    (
        "trim(customer))",
        "trim(customer)",
        [
            "orders.yaml:4: clean.customer: position 21: found the end; allowed here: ), a comma",
        ],
    ),
    (
        "'^C[0-9]+$'",
        "'a(?=b)'",
        [
            "orders.yaml:13: contract.columns.customer.regex: is no RE2 pattern: invalid perl operator: (?=",
        ],
    ),
    (
        'nulls: ["", NA]',
        'nulls: ["", NA], line: {max_bytes: 1tb}',
        [
            "orders.yaml:2: source.line.max_bytes: '1tb' is no size; write a whole number and a unit: 64kb, 1mb",
        ],
    ),
    (
        "quarantined_share: 0.05",
        "quarantined_share: 5",
        [
            "orders.yaml:20: contract.stop_if.quarantined_share: must be at most 1; found '5'",
        ],
    ),
    (
        "path: raw/orders/*.csv",
        "path: ''",
        [
            "orders.yaml:2: source.path: is empty; name the files, for example raw/orders/*.csv",
        ],
    ),
    (
        "time: placed",
        "time: placed\non_repeat: {latest_by: custmer}",
        [
            "late.yaml:2: rows: rows of orders are replaced by later ones (on_repeat.latest_by), and what was made for a row would be made for another one; predict for rows that stay, and join this data set instead",
            "orders.yaml:10: on_repeat.latest_by: custmer is not a column of orders; did you mean customer?",
        ],
    ),
    (
        "time: placed",
        "time: placed\non_repeat: {latest_by: customer}\ndedupe: {within: 3d}",
        [
            "late.yaml:2: rows: rows of orders are replaced by later ones (on_repeat.latest_by), and what was made for a row would be made for another one; predict for rows that stay, and join this data set instead",
            "orders.yaml:10: on_repeat.latest_by: takes int, double, date, timestamp; customer is a string",
            "orders.yaml:11: dedupe.within: a later row replaces the earlier one wherever that stands; delete one of the two",
        ],
    ),
    (
        "time: placed",
        "time: placed\non_repeat: latest",
        [
            "orders.yaml:10: on_repeat: 'latest' cannot stand here; write `ignore`, `refuse`, or latest_by: <column>",
        ],
    ),
    (
        "time: placed",
        "lateness: 3h",
        [
            "late.yaml:2: rows: orders has no time, and a row is due once all that came before it is there; declare its event time there: time: <a timestamp column>",
            "orders.yaml:9: lateness: is how late a row may come after newer ones; declare time to tell, or delete it",
        ],
    ),
    (
        "path: raw/orders/*.csv",
        "path: raw/",
        [
            "orders.yaml:2: source.path: is a folder; name the files, for example raw/orders/*.csv",
        ],
    ),
    (
        "path: raw/orders/*.csv",
        "path: raw/x**y.csv",
        [
            "orders.yaml:2: source.path: ** stands for any folders, and only alone between slashes; name the files, for example raw/orders/*.csv",
        ],
    ),
    (
        "path: raw/orders/*.csv",
        "path: '${SHOP_RAW}/*.csv'",
        [
            "orders.yaml:2: source.path: the environment variable SHOP_RAW is not set; set it, or write ${SHOP_RAW:-default}",
        ],
    ),
    (
        "path: raw/orders/*.csv",
        "path: '${SHOP RAW}/*.csv'",
        [
            "orders.yaml:2: source.path: a variable is written ${NAME} or ${NAME:-default}; write $${ where ${ itself is meant",
        ],
    ),
    (
        "path: raw/orders/*.csv",
        "path: *.csv",
        [
            "orders.yaml:2: source.path: *.csv is an alias, which is not allowed; write the value out, or quote it",
        ],
    ),
    (
        "min: 1}",
        "min: }",
        [
            "orders.yaml:12: contract.columns.order_id.min: has no value; write one, or delete the line",
        ],
    ),
    (
        "  promised: abs(promised)",
        "  promised: abs(promised)\n  promised: 1",
        [
            "orders.yaml:6: clean.promised: stands twice, first in line 5; keep one",
        ],
    ),
    (
        "{at: placed, columns: [order_id, customer, placed, promised, weight, channel, due]}",
        "always",
        [
            "orders.yaml:22: known.placing: expected a mapping with the keys at, columns; found 'always'",
        ],
    ),
    (
        "known:\n  placing: {at: placed, columns: [order_id, customer, placed, promised, weight, channel, due]}",
        "known: schedule",
        [
            "orders.yaml:21: known: 'schedule' cannot stand here; write `always`, or groups with `at` and `columns`",
        ],
    ),
    (
        "weight: {type: 'decimal(9,3)', min: 0}",
        "weight: decimal(9,3)",
        [
            "orders.yaml:16: contract.columns.weight: expected a mapping with the keys type, required, min, max, in, regex, format, zone, epoch, path; found 'decimal(9,3)'",
        ],
    ),
    (
        "customer: {type: string, regex: '^C[0-9]+$'}",
        "customer: {type: string, regexx: '^C[0-9]+$', min: 3}",
        [
            "orders.yaml:13: contract.columns.customer.regexx: no such key; did you mean regex?",
        ],
    ),
]

PRICES = [
    (
        "fuel, note]",
        "note]",
        [
            "prices.yaml:5: source.header: the declared columns fuel are not in it",
        ],
    ),
    (
        "ignore: note",
        "ignore: nota",
        [
            "prices.yaml:5: source.header: note is not declared in contract.columns; known: at, channel, fuel (or list it under source.ignore)",
            "prices.yaml:7: source.ignore: nota is not in source.header; did you mean note?",
        ],
    ),
]

DELIVERIES = [
    (
        "format: jsonl",
        "format: jsonl, delimiter: ';', multiline: true, rename: {a: carrier}",
        [
            "deliveries.yaml:2: source.delimiter: is for csv, and the format is jsonl",
            "deliveries.yaml:2: source.multiline: is for csv, and the format is jsonl",
            "deliveries.yaml:2: source.rename: is for csv, parquet and avro, and the format is jsonl; name the place in the object by `path` of the column",
        ],
    ),
    (
        "carrier.name",
        "carrier..name",
        [
            "deliveries.yaml:11: contract.columns.carrier.path: has an empty part; write the keys with single dots between them: a.b.c",
        ],
    ),
    (
        "lateness: 6h",
        "lateness: 6h\ntable: {cluster_by: knwn, retention: {quarantine: 59m}}",
        [
            "deliveries.yaml:6: table.cluster_by: knwn is not a column of deliveries; known: carrier, days_late, delivered, order_id",
            "deliveries.yaml:6: table.retention.quarantine: 59m is too short for anybody to look; write 1h or more",
        ],
    ),
    (
        "lateness: 6h",
        "lateness: 6 hours",
        [
            "deliveries.yaml:5: lateness: '6 hours' is no duration; write a whole number and a unit: 30s, 15m, 3h, 90d",
        ],
    ),
    (
        "dataset: deliveries",
        "dataset: delivery",
        [
            "late.yaml:4: label.from: there is no data set deliveries in this project; did you mean delivery?",
        ],
    ),
    (
        "dataset: deliveries",
        "dataset: orders",
        [
            "late.yaml:4: label.from: there is no data set deliveries in this project; known: customers, orders, prices",
            "orders.yaml:1: dataset: orders is also the name in shop/deliveries.yaml; tables stand side by side, each needs its own",
        ],
    ),
    (
        "dataset: deliveries",
        "dataset: Late",
        [
            "late.yaml:1: model: late differs only by capitals from Late, the name in shop/deliveries.yaml; tables stand side by side, each needs its own",
            "late.yaml:4: label.from: there is no data set deliveries in this project; known: Late, customers, orders, prices",
        ],
    ),
    (
        "dataset: deliveries",
        "datset: deliveries",
        [
            "deliveries.yaml:1: datset: no such key; did you mean dataset?",
        ],
    ),
    (
        "dataset: deliveries",
        "place: deliveries",
        [
            "deliveries.yaml:1: expected `dataset: name` or `model: name`; a place file stands in another folder than the project",
            "late.yaml:4: label.from: there is no data set deliveries in this project; known: customers, orders, prices",
        ],
    ),
    (
        "dataset: deliveries",
        "dataset: deliveries\nmodel: x",
        [
            "deliveries.yaml:1: a file is a data set or a model, not both",
            "late.yaml:4: label.from: there is no data set deliveries in this project; known: customers, orders, prices",
        ],
    ),
    (
        "key: [order_id]",
        "key: [order_id",
        [
            "deliveries.yaml:4: not valid YAML: expected ',' or ']', but got ':' (the bracket opens in line 3); quote an expression or pattern that contains commas, quotes or brackets",
        ],
    ),
    (
        "key: [order_id]",
        "key: [carrier]",
        [
            "late.yaml:4: label.on: the keys differ: that of orders is order_id and that of deliveries is carrier; declare the same, or name the columns that are equal in both: on: [...]",
        ],
    ),
    (
        "key: [order_id]\n",
        "",
        [
            "late.yaml:4: label.on: deliveries has no key; declare one, or name the columns that are equal in both: on: [...]",
        ],
    ),
    (
        "order_id: {type: int",
        "order_id: {type: string",
        [
            "late.yaml:4: label.on: order_id is an int in orders and a string in deliveries; it must be of one type",
        ],
    ),
    (
        "delivered: {type: timestamp",
        "delivred: {type: timestamp",
        [
            "deliveries.yaml:4: time: delivered is not a column of deliveries; did you mean delivred?",
            "deliveries.yaml:13: known.done.at: position 1: no column delivered; did you mean delivred?",
            "deliveries.yaml:13: known.done.columns: delivered is not a column of deliveries; did you mean delivred?",
        ],
    ),
    (
        "epoch: ms",
        "epoch: minutes",
        [
            "deliveries.yaml:9: contract.columns.delivered.epoch: 'minutes' cannot stand here; allowed: s, ms, us, ns",
        ],
    ),
]

LATE = [
    (
        "rows: orders",
        "rows: order",
        [
            "late.yaml:2: rows: there is no data set order in this project; did you mean orders?",
        ],
    ),
    (
        "placed + hours(1)",
        "deliverd",
        [
            "late.yaml:3: predict_at: position 1: no column deliverd; known: channel, customer, due, order_id, placed, promised, weight",
        ],
    ),
    (
        "placed + hours(1)",
        "delivered",
        [
            "late.yaml:3: predict_at: delivered is not a column of orders; deliveries has it",
        ],
    ),
    (
        "placed + hours(1)",
        "promised",
        [
            "late.yaml:3: predict_at: a timestamp is needed; this is an int",
        ],
    ),
    (
        "from: deliveries",
        "from: delivery",
        [
            "late.yaml:4: label.from: there is no data set delivery in this project; did you mean deliveries?",
        ],
    ),
    (
        "days_late > 0",
        "days_lat > 0",
        [
            "late.yaml:4: label.value: position 1: no column days_lat; did you mean days_late?",
        ],
    ),
    (
        "days_late > 0",
        "carrier",
        [
            "late.yaml:4: label.value: a label is true or false, or 0 or 1; this is a string",
        ],
    ),
    (
        "days_late > 0",
        "weight",
        [
            "late.yaml:4: label.value: weight is not a column of deliveries; orders has it",
        ],
    ),
    (
        "on: key",
        "on: [order_id, customer]",
        [
            "late.yaml:4: label.on: customer is not a column of deliveries; customers has it",
        ],
    ),
    (
        "buyer: {from: customers, on: customer",
        "buyer: {from: customers, on: custome",
        [
            "late.yaml:6: joins.buyer.on: custome is not a column of customers; did you mean customer?",
            "late.yaml:6: joins.buyer.on: custome is not a column of orders; did you mean customer?",
        ],
    ),
    (
        "buyer: {from: customers, on: customer",
        "buyer: {from: customer, on: customer",
        [
            "late.yaml:6: joins.buyer.from: there is no data set customer in this project; did you mean customers?",
        ],
    ),
    (
        "buyer: {from: customers, on: customer",
        "Channel: {from: customers, on: customer",
        [
            "late.yaml:6: joins.Channel: Channel is a column of orders too; give the join another name",
            "late.yaml:12: features.discount.of: position 1: no column buyer.discount; did you mean Channel.discount?",
            "late.yaml:14: features.who.of: buyer.vip is not a column of orders; known: Channel.customer, Channel.discount, Channel.since, Channel.vip, channel, customer, due, order_id, placed, price.at, price.channel, price.fuel, …",
        ],
    ),
    (
        "as_of: at, tolerance: 7d",
        "tolerance: 7d",
        [
            "late.yaml:7: joins.price.tolerance: is how old a row may be as of a time; name that time by as_of, or delete it",
        ],
    ),
    (
        "as_of: at",
        "as_of: fuel",
        [
            "late.yaml:7: joins.price.as_of: a timestamp column is needed; fuel is a double",
        ],
    ),
    (
        "as_of: at",
        "as_of: when",
        [
            "late.yaml:7: joins.price.as_of: when is not a column of prices; known: at, channel, fuel",
        ],
    ),
    (
        "heavy: weight > 10",
        "heavy: days_late",
        [
            "late.yaml:10: features.heavy: days_late is not a column of orders; deliveries has it (known at delivered): join it or aggregate it, if it is known before predict_at",
        ],
    ),
    (
        "heavy: weight > 10",
        "heavy: vip",
        [
            "late.yaml:10: features.heavy: vip is not a column of orders; customers has it, by a join: write buyer.vip",
        ],
    ),
    (
        "heavy: weight > 10",
        "heavy: buyer.vp",
        [
            "late.yaml:10: features.heavy: position 1: no column buyer.vp; did you mean buyer.vip?",
        ],
    ),
    (
        "heavy: weight > 10",
        "heavy: byer.vip",
        [
            "late.yaml:10: features.heavy: position 1: no column byer.vip; did you mean buyer.vip?",
        ],
    ),
    (
        "heavy: weight > 10",
        "heavy: customer",
        [
            "late.yaml:10: features.heavy: this is a string; needed is int, double, decimal or bool; a step makes numbers of it: {fn: vocabulary, of: …}",
        ],
    ),
    (
        "heavy: weight > 10",
        "heavy: due",
        [
            "late.yaml:10: features.heavy: this is a timestamp; needed is int, double, decimal or bool; take a part of it, as dayofweek(…), or divide a difference by hours(1)",
        ],
    ),
    (
        "heavy: weight > 10",
        "heavy: due - placed",
        [
            "late.yaml:10: features.heavy: this is a duration; needed is int, double, decimal or bool; divide it by minutes(1) for a number",
        ],
    ),
    (
        "heavy: weight > 10",
        "PROMISED: weight",
        [
            "late.yaml:10: features.PROMISED: differs from promised only by capitals; rename one",
        ],
    ),
    (
        "heavy: weight > 10",
        "heavy__x: weight",
        [
            "late.yaml:10: features.heavy__x: names with __ are those of joined columns; choose another",
        ],
    ),
    (
        "take: price, columns: [fuel]",
        "take: prices, columns: [fuel]",
        [
            "late.yaml:11: features.fuel.take: there is no join prices; did you mean price?",
        ],
    ),
    (
        "take: price, columns: [fuel]",
        "take: price, columns: [fule]",
        [
            "late.yaml:11: features.fuel.columns: fule is not a column of prices; did you mean fuel?",
        ],
    ),
    (
        "take: price, columns: [fuel]",
        "take: price, columns: [channel]",
        [
            "late.yaml:11: features.fuel.columns: channel is a string; make a step of it: {fn: vocabulary, of: price.channel}",
        ],
    ),
    (
        "  discount:",
        "  again: {take: price, columns: fuel}\n  discount:",
        [
            "late.yaml:12: features.again.columns: fuel of price is taken by fuel already",
        ],
    ),
    (
        "of: buyer.discount",
        "of: customer",
        [
            "late.yaml:12: features.discount.of: this is a string; needed is int, double, decimal or bool; a step makes numbers of it: {fn: vocabulary, of: …}",
        ],
    ),
    (
        "fn: impute",
        "fn: input",
        [
            "late.yaml:12: features.discount.fn: there is no step 'input'; did you mean impute?",
        ],
    ),
    (
        "with: 0",
        "with: avg",
        [
            "late.yaml:12: features.discount.with: 'avg' cannot stand here; write mean, median, mode or a number",
        ],
    ),
    (
        "of: [channel, buyer.vip]",
        "of: [channel, buyer.vop, weigt, due, buyer.discount]",
        [
            "late.yaml:14: features.who.of: buyer.discount is a double; needed is int, decimal, bool, string or date",
            "late.yaml:14: features.who.of: buyer.vop is not a column of orders; did you mean buyer.vip?",
            "late.yaml:14: features.who.of: due is a timestamp; needed is int, decimal, bool, string or date",
            "late.yaml:14: features.who.of: weigt is not a column of orders; did you mean weight?",
        ],
    ),
    (
        "quantiles: [0.01, 0.99]",
        "quantiles: [0.99, 0.01], min: 3",
        [
            "late.yaml:15: features.capped: has bounds and quantiles; choose one",
            "late.yaml:15: features.capped.quantiles: are two rising shares between 0 and 1, for example [0.01, 0.99]",
        ],
    ),
    (
        ", quantiles: [0.01, 0.99]",
        "",
        [
            "late.yaml:15: features.capped: needs bounds (min, max, or both) or quantiles",
        ],
    ),
    (
        "quantiles: [0.01, 0.99]",
        "min: 3, max: 2",
        [
            "late.yaml:15: features.capped.min: 3 is more than max, 2",
        ],
    ),
    (
        "edges: [1, 3, 7]",
        "edges: [1, 3, 3], quantiles: 4",
        [
            "late.yaml:16: features.steps: has edges and quantiles; choose one",
            "late.yaml:16: features.steps.edges: do not rise; list each once, the smallest first",
        ],
    ),
    (
        ", edges: [1, 3, 7]",
        "",
        [
            "late.yaml:16: features.steps: needs edges or quantiles",
        ],
    ),
    (
        "by: predict_at",
        "by: weight",
        [
            "late.yaml:18: split.by: a timestamp column is needed; weight is a decimal(9,3)",
        ],
    ),
    (
        "by: predict_at",
        "by: predicted_at",
        [
            "late.yaml:18: split.by: predicted_at is not a column of orders; known: channel, customer, due, order_id, placed, promised, weight",
        ],
    ),
    (
        "valid: [2021-01-01",
        "valid: [2020-12-01",
        [
            "late.yaml:20: split.valid: begins before train ends; windows follow each other: train, valid, test",
        ],
    ),
    (
        "valid: [2021-01-01, 2021-04-01]",
        "valid: [2021-04-01, 2021-01-01]",
        [
            "late.yaml:20: split.valid: begins at 2021-04-01 and ends at 2021-01-01; the end must be later",
        ],
    ),
    (
        "valid: [2021-01-01, 2021-04-01]",
        "valid: [2021-01-01, 2021-02-29]",
        [
            "late.yaml:20: split.valid: '2021-02-29' is no date or time; write 2013-10-01 or 2013-10-01T06:30:00Z (UTC without an offset)",
        ],
    ),
    (
        "slices: channel",
        "slices: [chanel, days_late]",
        [
            "late.yaml:23: evaluate.slices: chanel is not a column of orders; did you mean channel?",
            "late.yaml:23: evaluate.slices: days_late is not a column of orders; deliveries has it",
        ],
    ),
    (
        "threshold: f1",
        "threshold: 1.5",
        [
            "late.yaml:23: evaluate.threshold: must be at most 1; found '1.5'",
        ],
    ),
    (
        "since: 2021-07-01T06:00:00+02:00",
        "since: yesterday",
        [
            "late.yaml:24: score.since: 'yesterday' is no date or time; write 2013-10-01 or 2013-10-01T06:30:00Z (UTC without an offset)",
        ],
    ),
    (
        "rounds: 50",
        "rounds: many",
        [
            "late.yaml:22: train.rounds: 'many' is no whole number",
        ],
    ),
    (
        "lambda: 2",
        "lamda: 2",
        [
            "late.yaml:22: train.booster.lamda: no such key; did you mean lambda?",
        ],
    ),
    (
        "model: late",
        "model: orders",
        [
            "orders.yaml:1: dataset: orders is also the name in shop/late.yaml; tables stand side by side, each needs its own",
        ],
    ),
    (
        "promised: promised",
        "promised: coalesce(promised, 1)\n  z: {fn: log1p, of: coalesce(promised, 1)}",
        [
            "late.yaml:10: features.z.of: was cut at its comma; quote an expression or type that contains commas: 'coalesce(promised, 1)'",
        ],
    ),
    (
        "promised: promised",
        "promised: {fn: log1p, of: dayofweek(placed, 'Europe/Vienna')}",
        [
            "late.yaml:9: not valid YAML: a comma or } was expected before a quoted text (the bracket opens in line 9); quote an expression or pattern that contains commas, quotes or brackets",
        ],
    ),
    (
        "model: late",
        "model: la-te",
        [
            "late.yaml:1: model: 'la-te' is no name; a name is a letter, then letters, digits and _, 63 at most",
        ],
    ),
    (
        "objective: binary:logistic",
        "objective: logistic",
        [
            "late.yaml:22: train.objective: 'logistic' cannot stand here (did you mean binary:logistic?); allowed: binary:logistic",
        ],
    ),
    (
        "rounds: 50, ",
        "",
        [
            "late.yaml:22: train.rounds: is missing. How many trees at most.",
        ],
    ),
    (
        "max_depth: 4",
        "max_depth: -4",
        [
            "late.yaml:22: train.booster.max_depth: must be at least 0; found '-4'",
        ],
    ),
    (
        "train: [2020-01-01, 2021-01-01]",
        "train: 2020-01-01",
        [
            "late.yaml:19: split.train: expected a list; found '2020-01-01'",
        ],
    ),
    (
        "train: [2020-01-01, 2021-01-01]",
        "train: [2020-01-01]",
        [
            "late.yaml:19: split.train: needs one more entry",
        ],
    ),
    (
        "take: price, columns: [fuel]",
        "columns: [fuel]",
        [
            "late.yaml:11: features.fuel: a feature is an expression, or has `take`, or has `fn` with one of bins, clip, hash, impute, log1p, scale, vocabulary",
        ],
    ),
    (
        "tolerance: 7d",
        "tolerence: 7d",
        [
            "late.yaml:7: joins.price.tolerence: no such key; did you mean tolerance?",
        ],
    ),
    (
        "from: deliveries",
        "form: deliveries",
        [
            "late.yaml:4: label.form: no such key; did you mean from?",
        ],
    ),
]

CUSTOMERS = [
    (
        "since: {type: date",
        "since: {type: datetime",
        [
            "customers.yaml:7: contract.columns.since.type: unknown type 'datetime'; did you mean timestamp?",
        ],
    ),
    (
        "'%d.%m.%Y'",
        "'%d.%m'",
        [
            "customers.yaml:7: contract.columns.since.format: the format has no year, %Y or %y",
        ],
    ),
    (
        "vip: {type: bool}",
        "vip: {type: bool, in: [yes]}",
        [
            "customers.yaml:9: contract.columns.vip.in: 'yes' is neither true nor false",
        ],
    ),
    (
        "delimiter: ;",
        "delimiter: ;;",
        [
            "customers.yaml:2: source.delimiter: ';;' cannot stand here; write one ASCII character, no line end",
        ],
    ),
]


CASES = [
    *(("orders.yaml", *case) for case in ORDERS),
    *(("deliveries.yaml", *case) for case in DELIVERIES),
    *(("customers.yaml", *case) for case in CUSTOMERS),
    *(("prices.yaml", *case) for case in PRICES),
    *(("late.yaml", *case) for case in LATE),
]


@pytest.mark.parametrize(("file", "right", "wrong", "faults"), CASES, ids=[f"{case[0]} {case[2]}" for case in CASES])
def test_a_mistake_is_told_where_it_stands(shop, file, right, wrong, faults):
    """One change to a project that is right gives exactly these messages."""
    path = shop / file
    text = path.read_text()
    assert text.count(right) == 1
    path.write_text(text.replace(right, wrong))
    with pytest.raises(SpecError) as error:
        load_project("shop")
    assert [line.removeprefix("shop/") for line in str(error.value).splitlines()] == faults


def test_the_project_without_mistakes_is_read(shop):
    """The files that the cases break are right as they stand."""
    project = load_project(str(shop))
    assert set(project.data_sets) == {"orders", "deliveries", "customers", "prices"}
    assert set(project.models) == {"late"}
