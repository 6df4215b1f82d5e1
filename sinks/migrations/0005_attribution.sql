-- Who earned a conversion: every conversion is divided among the touches before it, by each attribution there is, and the
-- parts of one conversion by one attribution add up to one.

-- How far back a conversion looks, and how fast a touch fades in time_decay. To change one, insert it anew.
CREATE TABLE IF NOT EXISTS attribution_settings
(
    name LowCardinality(String) COMMENT 'look_back_days or half_life_days',
    value Float64,
    set_at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree(set_at)
ORDER BY name;

INSERT INTO attribution_settings (name, value, set_at) VALUES ('look_back_days', 90, '2000-01-01 00:00:00'), ('half_life_days', 7, '2000-01-01 00:00:00');

-- What the data say of each channel, as `leadstream attribute` found it; the newest run of each stage and attribution counts.
CREATE TABLE IF NOT EXISTS attribution_weights
(
    stage LowCardinality(String),
    attribution LowCardinality(String) COMMENT 'markov or shapley',
    channels String COMMENT 'shapley: the channels of a journey, sorted, with > between them; markov: empty',
    channel LowCardinality(String),
    weight Float64 COMMENT 'markov: removal effect, all of a stage add up to one; shapley: the share within such journeys',
    stated_at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY (stage, attribution, stated_at, channels, channel);

-- What was said of each conversion, and when: a merge or a late event changes what is true, not what was reported.
CREATE TABLE IF NOT EXISTS attribution_statements
(
    lead_id String CODEC(ZSTD(1)),
    stage LowCardinality(String),
    attribution LowCardinality(String),
    credits Nested (channel LowCardinality(String), campaign LowCardinality(String), credit Float64) COMMENT 'Empty: there is no such conversion any more',
    value Float64 CODEC(ZSTD(1)),
    currency LowCardinality(String),
    stated_at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY (lead_id, stage, attribution, stated_at);

-- What advertising cost, by day, as `leadstream costs` imported it: a day told again replaces what was told before.
CREATE TABLE IF NOT EXISTS ad_costs
(
    day Date,
    channel LowCardinality(String),
    campaign LowCardinality(String) COMMENT 'Empty: the channel as a whole',
    currency LowCardinality(String),
    cost Float64,
    imported_at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree(imported_at)
ORDER BY (day, channel, campaign, currency);

-- What a person did by a road of marketing, under the name the lead has now. Passive events and machines are left out.
CREATE OR REPLACE VIEW touches AS
SELECT
    if(ids.survivor = '', fact.lead_id, ids.survivor) AS lead_id,
    fact.event_id AS event_id,
    assumeNotNull(fact.occurred_at) AS occurred_at,
    fact.recorded_at AS recorded_at,
    fact.offset AS offset,
    fact.kind AS kind,
    fact.channel AS channel,
    fact.campaign AS campaign
FROM facts AS fact FINAL
LEFT JOIN lead_ids AS ids ON fact.lead_id = ids.lead_id
WHERE fact.fact = 'touchpoint_counted' AND fact.channel NOT IN ('', 'none')
    AND reinterpretAsInt64(reverse(unhex(substring(fact.event_id, 1, 16)))) NOT IN
    (
        SELECT arrayJoin(event_keys.key) FROM facts WHERE fact = 'points_withdrawn'
    );

-- What each lead's won deals were worth; mixed currencies are not added up.
CREATE OR REPLACE VIEW deal_values AS
SELECT
    won.lead_id AS lead_id,
    if(uniqExact(deal.currency) = 1, any(deal.currency), 'mixed') AS currency,
    if(uniqExact(deal.currency) = 1, sum(deal.amount), 0) AS value,
    count() AS deals
FROM
(
    SELECT DISTINCT if(ids.survivor = '', fact.lead_id, ids.survivor) AS lead_id, fact.event_id AS event_id
    FROM facts AS fact
    LEFT JOIN lead_ids AS ids ON fact.lead_id = ids.lead_id
    WHERE fact.fact = 'touchpoint_counted' AND fact.kind = 'deal_won'
) AS won
INNER JOIN
(
    SELECT event_id, any(toFloat64OrZero(properties['amount'])) AS amount, any(upper(properties['currency'])) AS currency
    FROM touchpoints
    WHERE kind = 'deal_won' AND properties['amount'] != ''
    GROUP BY event_id
) AS deal ON won.event_id = deal.event_id
GROUP BY lead_id;

-- Each lead's first entry into each stage, or into one beyond it, as in the funnel: when it happened, and what it was worth.
CREATE OR REPLACE VIEW conversions AS
SELECT
    reached.lead_id AS lead_id,
    reached.stage AS stage,
    reached.converted_at AS converted_at,
    deal.value AS value,
    deal.currency AS currency
FROM
(
    SELECT moved.lead_id AS lead_id, step.stage AS stage, min(moved.occurred_at) AS converted_at
    FROM transitions_by_lead AS moved
    INNER JOIN (SELECT stage, rank FROM stages FINAL) AS known ON moved.to_stage = known.stage
    CROSS JOIN (SELECT stage, rank FROM stages FINAL WHERE rank > 0 AND stage IN (SELECT to_stage FROM transitions)) AS step
    WHERE known.rank >= step.rank
    GROUP BY lead_id, stage
) AS reached
LEFT JOIN deal_values AS deal ON reached.lead_id = deal.lead_id;

-- Each lead's touches in their order: (when, channel, campaign).
CREATE OR REPLACE VIEW paths AS
SELECT
    lead_id,
    arrayMap(touch -> (touch.1, touch.4, touch.5), arraySort(groupArray((occurred_at, recorded_at, offset, toString(channel), toString(campaign))))) AS path
FROM touches
GROUP BY lead_id;

-- A conversion with the touches before it that it looks back upon. `mql_touch`: the how-manieth of them led to MQL.
CREATE OR REPLACE VIEW journeys AS
WITH ifNull((SELECT any(value) FROM attribution_settings FINAL WHERE name = 'look_back_days'), 90) AS look_back_days
SELECT
    conversion.lead_id AS lead_id,
    conversion.stage AS stage,
    conversion.converted_at AS converted_at,
    conversion.value AS value,
    conversion.currency AS currency,
    arrayFilter(touch -> touch.1 <= conversion.converted_at AND touch.1 >= conversion.converted_at - toIntervalSecond(toUInt64(look_back_days * 86400)), lead.path) AS path,
    length(arrayFilter(touch -> touch.1 <= mql.converted_at, path)) AS mql_touch
FROM conversions AS conversion
LEFT JOIN paths AS lead ON conversion.lead_id = lead.lead_id
LEFT JOIN (SELECT lead_id, converted_at FROM conversions WHERE stage = 'mql') AS mql ON conversion.lead_id = mql.lead_id;

-- Journeys that led nowhere, for each stage that others reached: the look-back ends at the last touch.
CREATE OR REPLACE VIEW journeys_without_conversion AS
WITH ifNull((SELECT any(value) FROM attribution_settings FINAL WHERE name = 'look_back_days'), 90) AS look_back_days
SELECT
    lead.lead_id AS lead_id,
    step.stage AS stage,
    arrayFilter(touch -> touch.1 >= lead.path[-1].1 - toIntervalSecond(toUInt64(look_back_days * 86400)), lead.path) AS path
FROM paths AS lead
CROSS JOIN (SELECT DISTINCT stage FROM conversions) AS step
LEFT ANTI JOIN (SELECT lead_id, stage FROM conversions) AS done ON lead.lead_id = done.lead_id AND step.stage = done.stage;

CREATE OR REPLACE VIEW attribution_weights_now AS
SELECT
    stage,
    mapFromArrays(groupArrayIf(toString(channel), attribution = 'markov'), groupArrayIf(weight, attribution = 'markov')) AS markov,
    mapFromArrays(groupArrayIf(concat(channels, ' | ', channel), attribution = 'shapley'), groupArrayIf(weight, attribution = 'shapley')) AS shapley
FROM attribution_weights FINAL
WHERE (stage, attribution, stated_at) IN (SELECT stage, attribution, max(stated_at) FROM attribution_weights GROUP BY stage, attribution)
GROUP BY stage;

-- The parts: one row per conversion, attribution and touch; a conversion without any touch is 'unknown's.
CREATE OR REPLACE VIEW attribution_credits AS
WITH
    ifNull((SELECT any(value) FROM attribution_settings FINAL WHERE name = 'half_life_days'), 7) AS half_life_days,
    weighed AS
    (
        SELECT
            journey.lead_id AS lead_id, journey.stage AS stage, journey.converted_at AS converted_at, journey.value AS value, journey.currency AS currency,
            if(empty(journey.path), [(journey.converted_at, 'unknown', '')], journey.path) AS path,
            arrayMap(touch -> touch.2, path) AS channels,
            length(path) AS touches,
            arrayMap(touch -> exp2(-dateDiff('millisecond', touch.1, journey.converted_at) / 86400000 / half_life_days), path) AS fading,
            arrayLastIndex(channel -> channel != 'direct', channels) AS not_direct,
            greatest(1, least(journey.mql_touch, touches)) AS mql_touch,
            arrayDistinct([1, mql_touch, touches]) AS turning_points,
            arrayMap(channel -> weights.markov[channel], channels) AS removal,
            arrayStringConcat(arraySort(arrayDistinct(channels)), ' > ') AS together,
            arrayMap(channel -> weights.shapley[concat(together, ' | ', channel)] / countEqual(channels, channel), channels) AS share,
            notEmpty(weights.markov) AS has_markov,
            notEmpty(weights.shapley) AS has_shapley
        FROM journeys AS journey
        LEFT JOIN attribution_weights_now AS weights ON journey.stage = weights.stage
    )
SELECT
    lead_id,
    stage,
    converted_at,
    divided.1 AS attribution,
    part.1.1 AS touched_at,
    part.1.2 AS channel,
    part.1.3 AS campaign,
    part.2 AS credit,
    value,
    currency
FROM weighed
ARRAY JOIN arrayFilter(each -> each.3,
[
    ('first', arrayMap(n -> toFloat64(n = 1), arrayEnumerate(path)), true),
    ('last', arrayMap(n -> toFloat64(n = touches), arrayEnumerate(path)), true),
    ('last_non_direct', arrayMap(n -> toFloat64(n = if(not_direct = 0, touches, not_direct)), arrayEnumerate(path)), true),
    ('linear', arrayMap(n -> 1 / touches, arrayEnumerate(path)), true),
    ('u_shaped', arrayMap(n -> multiIf(touches = 1, 1, touches = 2, 0.5, n IN (1, touches), 0.4, 0.2 / (touches - 2)), arrayEnumerate(path)), true),
    ('w_shaped', arrayMap(n -> multiIf(
        touches = length(turning_points), (0.3 + 0.1 / 3) * countEqual([1, mql_touch, touches], n),
        0.3 * countEqual([1, mql_touch, touches], n) + if(has(turning_points, n), 0, 0.1 / (touches - length(turning_points)))
    ), arrayEnumerate(path)), true),
    ('time_decay', arrayMap(each -> each / arraySum(fading), fading), true),
    ('markov', arrayMap(each -> if(arraySum(removal) > 0, each / arraySum(removal), 1 / touches), removal), has_markov),
    ('shapley', arrayMap(each -> if(abs(arraySum(share) - 1) < 1e-6, each, 1 / touches), share), has_shapley)
]) AS divided
ARRAY JOIN arrayZip(path, divided.2) AS part;

-- What each road earned: conversions and revenue, by attribution. Read one attribution at a time: together they count all again.
CREATE OR REPLACE VIEW attribution AS
SELECT attribution, stage, channel, campaign, sum(credit) AS conversions, uniqExactIf(lead_id, credit > 0) AS leads, sum(credit * value) AS revenue, currency
FROM attribution_credits
GROUP BY attribution, stage, channel, campaign, currency
ORDER BY attribution, stage, conversions DESC, channel, campaign;

-- What a conversion cost, by channel: all that was spent there, over all it earned in the same days.
CREATE OR REPLACE VIEW cost_per_conversion AS
SELECT
    earned.attribution AS attribution,
    earned.stage AS stage,
    spent.channel AS channel,
    spent.currency AS currency,
    any(spent.cost) AS cost,
    sumIf(earned.conversions, earned.day BETWEEN spent.since AND spent.until) AS conversions,
    cost / nullIf(conversions, 0) AS cost_per_conversion,
    sumIf(earned.revenue, earned.day BETWEEN spent.since AND spent.until AND earned.currency = spent.currency) / nullIf(cost, 0) AS return_on_spend
FROM (SELECT channel, currency, sum(cost) AS cost, min(day) AS since, max(day) AS until FROM ad_costs FINAL GROUP BY channel, currency) AS spent
INNER JOIN
(
    SELECT attribution, stage, channel, currency, toDate(converted_at) AS day, sum(credit) AS conversions, sum(credit * value) AS revenue
    FROM attribution_credits
    GROUP BY attribution, stage, channel, currency, day
) AS earned ON spent.channel = earned.channel
GROUP BY attribution, stage, channel, currency;

-- Statements that were replaced: what was said before, what is said now.
CREATE OR REPLACE VIEW attribution_restated AS
SELECT
    lead_id,
    stage,
    attribution,
    before_at,
    arrayZip(before_channels, before_campaigns, before_credits) AS before,
    stated_at,
    arrayZip(credits.channel, credits.campaign, credits.credit) AS after
FROM
(
    SELECT
        *,
        lagInFrame(stated_at) OVER earlier AS before_at,
        lagInFrame(credits.channel) OVER earlier AS before_channels,
        lagInFrame(credits.campaign) OVER earlier AS before_campaigns,
        lagInFrame(credits.credit) OVER earlier AS before_credits,
        row_number() OVER earlier AS number
    FROM attribution_statements FINAL
    WINDOW earlier AS (PARTITION BY lead_id, stage, attribution ORDER BY stated_at ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
)
WHERE number > 1;
