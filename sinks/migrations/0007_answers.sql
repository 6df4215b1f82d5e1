-- Answers to what marketers ask: cohorts, accounts, which rules tell buyers from others, how fast sales is, who was lost and why.

-- Of the leads that came in a week by a road, how many reached each stage, with the 95 % interval of Wilson: of few leads little is known.
CREATE OR REPLACE VIEW funnel_by_cohort AS
WITH 1.959963984540054 AS z
SELECT
    week,
    channel,
    campaign,
    stage,
    leads,
    reached,
    reached / leads AS rate,
    (rate + z * z / (2 * leads) - z * sqrt(rate * (1 - rate) / leads + z * z / (4 * leads * leads))) / (1 + z * z / leads) AS rate_low,
    (rate + z * z / (2 * leads) + z * sqrt(rate * (1 - rate) / leads + z * z / (4 * leads * leads))) / (1 + z * z / leads) AS rate_high
FROM
(
    SELECT
        toStartOfWeek(assumeNotNull(profile.first_touch_at), 1) AS week,
        profile.first_channel AS channel,
        profile.first_campaign AS campaign,
        step.stage AS stage,
        step.rank AS rank,
        count() AS leads,
        countIf(far.furthest >= step.rank) AS reached
    FROM profiles AS profile FINAL
    INNER JOIN stages_reached AS far ON profile.lead_id = far.lead_id
    CROSS JOIN (SELECT stage, rank FROM stages FINAL WHERE rank > 0) AS step
    WHERE profile.forwarded_to = '' AND profile.first_touch_at IS NOT NULL
    GROUP BY week, channel, campaign, stage, rank
)
ORDER BY week, channel, campaign, rank;

-- Several people of one company: by the company that was told, else by the domain of the address.
CREATE OR REPLACE VIEW accounts AS
SELECT
    account,
    count() AS leads,
    sum(score) AS points,
    argMax(lead_id, score) AS hottest_lead,
    max(score) AS hottest_points,
    groupUniqArray(stage) AS stages,
    countIf(stage = 'customer') AS customers,
    max(last_touch_at) AS last_touch_at
FROM
(
    SELECT lead_id, score, stage, last_touch_at, if(company != '', lower(company), lower(splitByChar('@', email)[2])) AS account
    FROM leads
)
WHERE account != ''
GROUP BY account
ORDER BY points DESC, account;

-- How often each rule met those who became customers, before they did, against all others. `lift` above 1: it tells buyers.
CREATE OR REPLACE VIEW rule_report AS
WITH
    bought AS (SELECT lead_id, converted_at FROM conversions WHERE stage = 'customer'),
    everybody AS (SELECT count() AS leads FROM profiles FINAL WHERE forwarded_to = ''),
    met AS
    (
        SELECT
            told.rule AS rule,
            uniqExactIf(told.lead_id, customer.lead_id != '' AND told.at <= customer.converted_at) AS customers,
            uniqExactIf(told.lead_id, customer.lead_id = '') AS others
        FROM
        (
            SELECT if(ids.survivor = '', fact.lead_id, ids.survivor) AS lead_id, arrayJoin(fact.sums.rule) AS rule, assumeNotNull(fact.occurred_at) AS at
            FROM facts AS fact FINAL
            LEFT JOIN lead_ids AS ids ON fact.lead_id = ids.lead_id
            WHERE fact.fact = 'touchpoint_counted'
        ) AS told
        LEFT JOIN bought AS customer ON told.lead_id = customer.lead_id
        GROUP BY rule
    )
SELECT
    rule,
    customers,
    others,
    customers / nullIf((SELECT count() FROM bought), 0) AS coverage,
    others / nullIf((SELECT leads FROM everybody) - (SELECT count() FROM bought), 0) AS among_others,
    coverage / nullIf(among_others, 0) AS lift
FROM met
ORDER BY lift DESC, rule;

-- From a lead's first entry into sql until sales first spoke with it; NULL where nobody has.
CREATE OR REPLACE VIEW speed_to_lead AS
SELECT
    asked.lead_id AS lead_id,
    asked.converted_at AS asked_at,
    minOrNullIf(spoke.at, spoke.at >= asked.converted_at) AS spoke_at,
    dateDiff('millisecond', asked_at, spoke_at) / 60000 AS minutes
FROM (SELECT lead_id, converted_at FROM conversions WHERE stage = 'sql') AS asked
LEFT JOIN
(
    SELECT if(ids.survivor = '', fact.lead_id, ids.survivor) AS lead_id, assumeNotNull(fact.occurred_at) AS at
    FROM facts AS fact FINAL
    LEFT JOIN lead_ids AS ids ON fact.lead_id = ids.lead_id
    WHERE fact.fact = 'touchpoint_counted' AND fact.kind IN ('phone_call', 'mail_to_sales', 'meeting_held', 'sales_verdict')
) AS spoke ON asked.lead_id = spoke.lead_id
GROUP BY lead_id, asked_at;

-- Who left the way to a purchase, why, and how often.
CREATE OR REPLACE VIEW lost_and_recycled AS
SELECT moved.from_stage AS from_stage, moved.to_stage AS to_stage, moved.reason AS reason, count() AS transitions, uniqExact(moved.lead_id) AS leads
FROM transitions_by_lead AS moved
INNER JOIN (SELECT stage, rank FROM stages FINAL) AS before ON moved.from_stage = before.stage
INNER JOIN (SELECT stage, rank FROM stages FINAL) AS after ON moved.to_stage = after.stage
WHERE after.rank < before.rank
GROUP BY from_stage, to_stage, reason
ORDER BY leads DESC, from_stage, to_stage, reason;

-- Whom to write to: leads that are warm and not yet asked for sales, leads that sales had and that went quiet, and customers.
CREATE OR REPLACE VIEW audiences AS
SELECT
    multiIf(stage = 'mql', 'nurture', stage = 'sql' AND last_touch_at < now64(3, 'UTC') - toIntervalDay(30), 'gone_quiet', stage = 'customer', 'customers', '') AS audience,
    lead_id,
    email,
    stage,
    score,
    last_touch_at
FROM leads
WHERE audience != ''
ORDER BY audience, score DESC, lead_id;
