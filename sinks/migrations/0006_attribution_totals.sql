-- The totals of `attribution`, as of the last run of `leadstream attribute`: what a page shows at once where the view, which
-- divides every conversion anew, takes longer than anybody waits.
CREATE TABLE IF NOT EXISTS attribution_totals
(
    stated_at DateTime64(3, 'UTC'),
    attribution LowCardinality(String),
    stage LowCardinality(String),
    channel LowCardinality(String),
    campaign LowCardinality(String),
    currency LowCardinality(String),
    conversions Float64,
    revenue Float64
)
ENGINE = ReplacingMergeTree
ORDER BY (stated_at, attribution, stage, channel, campaign, currency);

CREATE OR REPLACE VIEW attribution_totals_now AS
SELECT * FROM attribution_totals FINAL WHERE stated_at = (SELECT max(stated_at) FROM attribution_totals);
