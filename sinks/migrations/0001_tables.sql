-- Everything the hops have said, one row per record. All tables are ReplacingMergeTree: a row that is written again after
-- a crash has the same key and the same content, and is merged away later. Until then it is there twice, so read
-- through the views of the next migrations, or with FINAL.
--
-- Keys: every column of an ORDER BY is fixed by the row's id, or two copies of a row would never meet. They begin with
-- the lead, so a lead's history is one short range and grouping by lead reads in order. No table is partitioned: an
-- import spans years, and FINAL across partitions took 20 times as long as within one.
--
-- Absent text is '', an absent number or instant is NULL.

CREATE TABLE IF NOT EXISTS touchpoints
(
    event_id String CODEC(ZSTD(1)) COMMENT 'Derived: equal for every re-send of the same event',
    source LowCardinality(String) COMMENT 'The adapter that read it',
    kind LowCardinality(String) COMMENT 'What was done; import_reached is a mark of an import, no contact',
    channel LowCardinality(String) COMMENT 'By which road',
    occurred_at DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)) COMMENT 'When it happened, corrected for the skew of the source''s clock',
    received_at DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)) COMMENT 'When the collector accepted it; for an imported one: occurred_at',
    visitor_id String CODEC(ZSTD(1)),
    crm_id String CODEC(ZSTD(1)),
    email_hash String CODEC(ZSTD(1)) COMMENT 'Keyed hash of the normalised address',
    email_domain LowCardinality(String),
    campaign LowCardinality(String),
    properties Map(String, String) CODEC(ZSTD(1)) COMMENT 'What the rules may ask: path, title, form, percent, ...',
    profile Map(String, String) CODEC(ZSTD(1)) COMMENT 'Coded attributes of role and company',
    contact Map(String, String) CODEC(ZSTD(1)) COMMENT 'Personal data: email, name, phone, company',
    import_id LowCardinality(String) COMMENT 'The import that brought it in; empty for a live one',
    identifier String CODEC(ZSTD(1)) COMMENT 'The record''s key: its first identifier, as v:, c: or e:',
    topic LowCardinality(String),
    partition UInt16,
    offset UInt64 CODEC(DoubleDelta, ZSTD(1)) COMMENT 'With topic and partition the row''s id: a re-send has another one',
    inserted_at DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(DoubleDelta, ZSTD(1)),
    CONSTRAINT occurred_at_in_range CHECK occurred_at >= '1900-01-01' AND occurred_at < '2299-12-31',
    CONSTRAINT received_at_in_range CHECK received_at >= '1900-01-01' AND received_at < '2299-12-31'
)
ENGINE = ReplacingMergeTree
ORDER BY (identifier, topic, partition, offset);

CREATE TABLE IF NOT EXISTS facts
(
    fact_id String CODEC(ZSTD(1)) COMMENT 'Derived from lead, cause, fact and model',
    lead_id String CODEC(ZSTD(1)) COMMENT 'The lead it happened to, under the name it had then',
    fact LowCardinality(String) COMMENT 'touchpoint_counted, stage_changed, identity_merged, ...',
    event_id String CODEC(ZSTD(1)) COMMENT 'The cause: a touchpoint''s event id, or the name of a control record',
    recorded_at DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)) COMMENT 'The lead''s now when it was decided',
    model LowCardinality(String) COMMENT 'The scoring model that decided, as name@version',
    partition UInt16 COMMENT 'Of leads.inbox',
    offset UInt64 CODEC(DoubleDelta, ZSTD(1)) COMMENT 'Of the record of leads.inbox it was decided from',
    `index` UInt32 COMMENT 'The how-manieth fact of that record: (offset, index) orders a lead''s facts',
    import_id LowCardinality(String),
    kind LowCardinality(String) COMMENT 'The touchpoint''s kind',
    channel LowCardinality(String),
    campaign LowCardinality(String),
    occurred_at Nullable(DateTime64(3, 'UTC')) CODEC(ZSTD(1)),
    sums Nested
    (
        rule LowCardinality(String),
        points Float64,
        as_of DateTime64(3, 'UTC'),
        half_life_s UInt32,
        count UInt32,
        window Int32,
        once Bool
    ) COMMENT 'Points earned or taken over, per rule: worth `points` at `as_of`, halving every `half_life_s` (0: never)',
    caps Nested (rule LowCardinality(String), window Int32, points Float64),
    event_keys Nested (key Int64, recorded_at DateTime64(3, 'UTC')),
    attributes Map(String, String) CODEC(ZSTD(1)),
    criteria Map(String, Float64) CODEC(ZSTD(1)),
    fit Nullable(Float64),
    grade LowCardinality(String),
    transition_id String CODEC(ZSTD(1)),
    from_stage LowCardinality(String),
    to_stage LowCardinality(String),
    reason LowCardinality(String),
    rule LowCardinality(String),
    effective_at Nullable(DateTime64(3, 'UTC')) CODEC(ZSTD(1)),
    score Nullable(Float64),
    first_channel LowCardinality(String),
    first_campaign LowCardinality(String),
    first_touch_at Nullable(DateTime64(3, 'UTC')) CODEC(ZSTD(1)),
    last_channel LowCardinality(String),
    last_campaign LowCardinality(String),
    last_touch_at Nullable(DateTime64(3, 'UTC')) CODEC(ZSTD(1)),
    verdict LowCardinality(String),
    verdict_given_at Nullable(DateTime64(3, 'UTC')) CODEC(ZSTD(1)),
    verdict_expires_at Nullable(DateTime64(3, 'UTC')) CODEC(ZSTD(1)) COMMENT '1970-01-01: for good',
    other_lead String CODEC(ZSTD(1)) COMMENT 'lead_forwarded: to; lead_released: was; identity_merged: absorbed',
    handed_over Nullable(Bool),
    touches Nullable(UInt32),
    stage LowCardinality(String) COMMENT 'identity_merged: the absorbed lead''s',
    inserted_at DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(DoubleDelta, ZSTD(1)),
    CONSTRAINT recorded_at_in_range CHECK recorded_at >= '1900-01-01' AND recorded_at < '2299-12-31'
)
ENGINE = ReplacingMergeTree
ORDER BY (lead_id, offset, `index`, fact_id);

CREATE TABLE IF NOT EXISTS transitions
(
    transition_id String CODEC(ZSTD(1)),
    lead_id String CODEC(ZSTD(1)),
    from_stage LowCardinality(String),
    to_stage LowCardinality(String),
    reason LowCardinality(String) COMMENT 'conversion, score, verdict, cooled, verdict_expired, deal_lost, merged, model',
    rule LowCardinality(String) COMMENT 'The rule whose conversion caused it',
    effective_at DateTime64(3, 'UTC') COMMENT 'When it took effect in the lead''s time',
    occurred_at DateTime64(3, 'UTC') COMMENT 'When its cause happened',
    recorded_at DateTime64(3, 'UTC') COMMENT 'The lead''s now when it was decided',
    score Float64,
    grade LowCardinality(String),
    channel LowCardinality(String) COMMENT 'Of the last touch before or at the transition',
    campaign LowCardinality(String),
    first_channel LowCardinality(String),
    first_campaign LowCardinality(String),
    imported Bool,
    import_id LowCardinality(String),
    event_id String CODEC(ZSTD(1)),
    model LowCardinality(String),
    partition UInt16,
    offset UInt64,
    `index` UInt32,
    inserted_at DateTime64(3, 'UTC') DEFAULT now64(3),
    CONSTRAINT occurred_at_in_range CHECK occurred_at >= '1900-01-01' AND occurred_at < '2299-12-31'
)
ENGINE = ReplacingMergeTree
ORDER BY (lead_id, offset, `index`, transition_id);

-- One row per lead: the greatest `version` wins, whatever the order of arrival. It is twice the profile's offset in
-- leads.inbox, which never falls since a lead's partition there is for life; plus one for a tombstone.
CREATE TABLE IF NOT EXISTS profiles
(
    lead_id String CODEC(ZSTD(1)),
    stage LowCardinality(String),
    stage_since DateTime64(3, 'UTC'),
    score Float64 COMMENT 'Engagement at as_of',
    as_of DateTime64(3, 'UTC') COMMENT 'The lead''s now',
    reasons Nested
    (
        rule LowCardinality(String),
        points Float64,
        as_of DateTime64(3, 'UTC'),
        half_life_s UInt32,
        count UInt32,
        window Int32,
        once Bool
    ),
    fit Float64,
    grade LowCardinality(String),
    criteria Map(String, Float64),
    attributes Map(String, String),
    verdict LowCardinality(String),
    verdict_expires_at Nullable(DateTime64(3, 'UTC')) COMMENT '1970-01-01: for good',
    first_channel LowCardinality(String),
    first_campaign LowCardinality(String),
    first_touch_at Nullable(DateTime64(3, 'UTC')),
    last_channel LowCardinality(String),
    last_campaign LowCardinality(String),
    last_touch_at Nullable(DateTime64(3, 'UTC')),
    touches UInt32,
    forwarded_to String CODEC(ZSTD(1)),
    model LowCardinality(String),
    partition UInt16,
    offset UInt64 COMMENT 'Of leads.inbox: everything before it is in this profile',
    profiles_offset UInt64 COMMENT 'Of the record of leads.profiles; a tombstone deletes what was before it',
    version UInt64,
    is_deleted UInt8,
    inserted_at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY lead_id;

CREATE TABLE IF NOT EXISTS dead_letters
(
    letter_id String CODEC(ZSTD(1)),
    received_at DateTime64(3, 'UTC'),
    hop LowCardinality(String) COMMENT 'collect, identify, score or deliver',
    source LowCardinality(String) COMMENT 'Adapter or topic',
    reason LowCardinality(String),
    detail String CODEC(ZSTD(1)) COMMENT 'A sentence that names the field, never its value',
    topic LowCardinality(String) COMMENT 'With partition and offset: what was being read',
    partition Nullable(UInt16),
    offset Nullable(UInt64),
    key String CODEC(ZSTD(1)) COMMENT 'Original bytes',
    body String CODEC(ZSTD(1)) COMMENT 'Original bytes',
    headers Map(String, String) CODEC(ZSTD(1)),
    model LowCardinality(String),
    inserted_at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree
ORDER BY letter_id;

-- The stages in their order, for the funnel. A scoring model with stages of its own: insert them here.
CREATE TABLE IF NOT EXISTS stages
(
    stage LowCardinality(String),
    rank Int16 COMMENT 'From visitor (0) up; negative: beside the funnel'
)
ENGINE = ReplacingMergeTree
ORDER BY stage;

INSERT INTO stages VALUES ('visitor', 0), ('mql', 10), ('sql', 20), ('customer', 30), ('disqualified', -1);
