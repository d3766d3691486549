-- Times are unix seconds; principal is JSON.
CREATE TABLE keys (
  id TEXT PRIMARY KEY,
  digest BYTEA NOT NULL,
  tenant TEXT NOT NULL,
  name TEXT NOT NULL,
  principal BYTEA NOT NULL,
  created DOUBLE PRECISION NOT NULL,
  expires DOUBLE PRECISION,
  revoked DOUBLE PRECISION,
  successor TEXT
);
CREATE INDEX keys_of_principal ON keys (tenant, name);

-- One row, which counts the changes to keys that were handed out before.
CREATE TABLE changes (number BIGINT NOT NULL);
INSERT INTO changes VALUES (0);
