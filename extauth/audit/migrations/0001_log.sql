-- The same as the tables of the SQLite file; see extauth.audit.chain for what a place is.
CREATE TABLE records (
  number BIGINT PRIMARY KEY,
  request_id TEXT NOT NULL,
  time DOUBLE PRECISION NOT NULL,
  tenant TEXT,
  outcome TEXT NOT NULL,
  place BIGINT NOT NULL DEFAULT 0,
  salt BYTEA NOT NULL DEFAULT '',
  record BYTEA NOT NULL
);
CREATE INDEX records_request ON records (request_id);
CREATE INDEX records_time ON records (time, number);

CREATE TABLE actions (
  number BIGINT PRIMARY KEY,
  time DOUBLE PRECISION NOT NULL,
  place BIGINT NOT NULL DEFAULT 0,
  salt BYTEA NOT NULL DEFAULT '',
  action BYTEA NOT NULL
);

CREATE TABLE chain (
  place BIGINT PRIMARY KEY,
  of TEXT NOT NULL,
  event TEXT NOT NULL,
  number BIGINT NOT NULL,
  action BIGINT NOT NULL,
  digest BYTEA NOT NULL,
  link BYTEA NOT NULL
);
INSERT INTO chain VALUES (
  0, 'chain', 'began', 0, 0,
  sha256(convert_to(gen_random_uuid()::text, 'UTF8')),
  sha256(convert_to(gen_random_uuid()::text, 'UTF8'))
);

-- One row: the newest number of each. Whoever writes to the chain locks it.
CREATE TABLE newest (record BIGINT NOT NULL, action BIGINT NOT NULL);
INSERT INTO newest VALUES (0, 0);
