CREATE TABLE ca (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    personality TEXT NOT NULL,
    created_at TEXT NOT NULL,
    next_certificate INTEGER NOT NULL, -- no number below it is used again
    next_request INTEGER NOT NULL,
    issued INTEGER NOT NULL -- the number of rows in `certificate`
) STRICT;

CREATE TABLE identity ( -- the certificates of the CA itself
    file TEXT PRIMARY KEY,
    subject TEXT NOT NULL,
    sha256 TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE certificate (
    number INTEGER PRIMARY KEY,
    serial TEXT NOT NULL UNIQUE,
    subject TEXT NOT NULL,
    not_before TEXT NOT NULL,
    not_after TEXT NOT NULL,
    transaction_id TEXT NOT NULL,
    requester TEXT NOT NULL, -- SHA-256 of the public key that signed the message
    request TEXT NOT NULL, -- SHA-256 of the certification request
    answers INTEGER, -- the number of the request that had waited
    revoked_at TEXT,
    der BLOB NOT NULL
) STRICT;

CREATE INDEX certificate_transaction ON certificate (transaction_id, number);

CREATE INDEX certificate_subject ON certificate (subject, not_after);

CREATE INDEX certificate_revoked ON certificate (number) WHERE revoked_at IS NOT NULL;

CREATE TABLE request ( -- those that wait or were denied
    number INTEGER PRIMARY KEY,
    transaction_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    requester TEXT NOT NULL,
    request TEXT NOT NULL,
    denied INTEGER NOT NULL CHECK (denied IN (0, 1)),
    der BLOB NOT NULL,
    UNIQUE (transaction_id, requester)
) STRICT;

CREATE INDEX request_waiting ON request (number) WHERE denied = 0;

CREATE TABLE challenge ( -- one-time challenge passwords
    sha256 TEXT PRIMARY KEY,
    made_at TEXT, -- NULL for one that was given on the command line and does not expire
    used_at TEXT
) STRICT, WITHOUT ROWID;
