-- A ledger of bills that three banks and a supervisor keep together. Plain PostgreSQL.

CREATE TABLE organisations (
    id       integer PRIMARY KEY,
    name     text NOT NULL UNIQUE,
    kind     text NOT NULL CHECK (kind = 'bank' OR kind = 'supervisor'),
    is_open  boolean NOT NULL DEFAULT true
);

CREATE TABLE accounts (
    id            bigint PRIMARY KEY,
    organisation  integer NOT NULL,
    holder        text NOT NULL,
    can_issue     boolean NOT NULL DEFAULT false,
    balance       numeric(14,2) NOT NULL DEFAULT 0 CHECK (balance >= 0),
    key           bytea,
    UNIQUE (organisation, holder)
);

CREATE TABLE bills (
    id        bigint PRIMARY KEY,
    number    text NOT NULL UNIQUE,
    drawer    bigint NOT NULL,
    holder    bigint NOT NULL,
    amount    numeric(14,2) NOT NULL CHECK (amount > 0),
    rate      numeric(7,4) NOT NULL DEFAULT 0.0250,
    state     text NOT NULL DEFAULT 'issued'
              CHECK (state IN ('issued', 'accepted', 'paid', 'protested')),
    due       timestamptz NOT NULL,
    document  bytea,
    note      text,
    CONSTRAINT bills_short_note CHECK (length(note) <= 60)
);

CREATE TABLE endorsements (
    bill          bigint NOT NULL,
    position      integer NOT NULL CHECK (position > 0),
    from_account  bigint NOT NULL,
    to_account    bigint NOT NULL,
    at            timestamptz NOT NULL,
    PRIMARY KEY (bill, position),
    CONSTRAINT endorsements_two_parties CHECK (from_account <> to_account)
);

CREATE TABLE payments (
    id        bigint PRIMARY KEY,
    bill      bigint NOT NULL,
    amount    numeric(14,2) NOT NULL CHECK (amount > 0),
    paid_at   timestamptz NOT NULL,
    is_final  boolean NOT NULL DEFAULT false
);

CREATE INDEX accounts_organisation ON accounts (organisation);
CREATE INDEX bills_holder ON bills (holder, state);
CREATE INDEX bills_due ON bills (due DESC);
CREATE INDEX payments_bill ON payments (bill);

INSERT INTO organisations (id, name, kind) VALUES
    (1, 'Bank of the North', 'bank'), (2, 'Bank of the South', 'bank'),
    (3, 'Bank of the Harbour', 'bank'), (4, 'Supervisor', 'supervisor');
