"""Computes the chain of audit records anew, by docs/audit.md alone; or, given SQL, does to the records what nobody
should. The first argument is the state's database file."""

import hashlib
import json
import sqlite3
import sys

FIELDS = """number, sequence, realm, at, actor_kind, actor_id, actor_realm, actor_from, request_id, action, subject_kind,
    subject_id, organization, before_document, after_document"""

with sqlite3.connect(sys.argv[1]) as database:
    if len(sys.argv) > 2:
        database.executescript(sys.argv[2])
        print("ok it is done")
        sys.exit()
    previous, count = {}, 0
    for *fields, found in database.execute(f"SELECT {FIELDS}, hash FROM audit ORDER BY sequence"):
        realm = fields[2]
        form = "symbolon-audit-2"
        if fields[6] is None:
            form = "symbolon-audit-1"
            del fields[6]
        record = [form, previous.get(realm, ""), *fields]
        text = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
        computed = hashlib.sha256(text.encode()).hexdigest()
        assert computed == found, f"{text}: {computed}, not {found}"
        previous[realm] = found
        count += 1
    heads = dict(database.execute("SELECT realm, head_hash FROM audit_chains"))
    assert heads == previous, (heads, previous)
    assert count > 5, count
    print(f"ok {count} records of {len(previous)} realms")
